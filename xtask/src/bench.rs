//! `cargo xtask bench NAME`: figures, printed as a table and written to `target/bench/NAME.json`.

mod converge;
mod figures;
mod manager;
mod startup;

use anyhow::Result;

/// Arguments of `cargo xtask bench`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Which bench.
    #[command(subcommand)]
    pub(crate) bench: Bench,
}

/// The benches.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// How long the local cluster and a manager take to start, and how large the images are.
    Startup(startup::Args),
    /// How long the operator takes to settle many applications, compared with a bare client.
    Converge(converge::Args),
}

/// Runs one bench on a cluster of its own and publishes its figures.
///
/// # Errors
/// When the cluster can't be had, what is measured fails, or the file can't be written.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.bench {
        Bench::Startup(args) => figures::publish("startup", &startup::run(args)?),
        Bench::Converge(args) => converge::run(args),
    }
}
