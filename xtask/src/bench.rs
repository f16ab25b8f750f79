//! `cargo xtask bench NAME`: figures, printed as a table and written to `target/bench/NAME.json`.

mod figures;
mod manager;
mod program;
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
    Converge(program::Apps),
    /// How much memory the operator takes with many applications.
    Memory(program::Sizes),
    /// What the operator writes, reads and computes while nothing happens.
    Idle(program::Apps),
    /// How long a change of a spec takes to reach the Deployment.
    Latency(program::Apps),
    /// How long it takes until what somebody else changed is back.
    Drift(program::Apps),
    /// How many requests are lost by rolling updates, on two real nodes.
    Roll(program::Common),
    /// How long it takes to move an application to its other environment and back, and what is lost, on two real nodes.
    Switch(program::Common),
    /// Whether a collector of traces in trouble makes reconciles slower.
    Collector(program::Common),
    /// Whether what a manager tells over NATS is there sooner than what it writes, on a real node.
    Events(program::Common),
}

/// Runs one bench on a cluster of its own and publishes its figures.
///
/// # Errors
/// When the cluster can't be had, what is measured fails, or the file can't be written.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.bench {
        Bench::Startup(args) => figures::publish("startup", &startup::run(args)?),
        Bench::Converge(args) => program::with_apps("converge", args),
        Bench::Memory(args) => program::with_sizes("memory", args),
        Bench::Idle(args) => program::with_apps("idle", args),
        Bench::Latency(args) => program::with_apps("latency", args),
        Bench::Drift(args) => program::with_apps("drift", args),
        Bench::Roll(args) => program::on_real_nodes("roll", args),
        Bench::Switch(args) => program::on_real_nodes("switch", args),
        Bench::Collector(args) => program::with_few_apps("collector", args),
        Bench::Events(args) => program::with_managers_as_programs("events", args),
    }
}
