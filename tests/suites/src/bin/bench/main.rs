//! Measures the managers on a cluster whose only nodes are KWOK's (`roll` and `switch`: on real nodes). `cargo xtask
//! bench NAME` makes the cluster, starts this and keeps the figures.
#![forbid(unsafe_code)]

mod applications;
mod collector;
mod converge;
mod drift;
mod events;
mod figures;
mod idle;
mod latency;
mod memory;
mod population;
mod process;
mod roll;
mod running;
mod sight;
mod switch;
mod task;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use figures::Figure;

/// The C library's allocator in static binaries is slow: the bare client must not be measured with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures core-reconciler. The cluster and the programs are those that `RESTAPI_TEST_KUBECONFIG`,
/// `RESTAPI_TEST_KUBECTL`, `RESTAPI_TEST_XTASK`, `RESTAPI_TEST_CLUSTER` and `CORE_RECONCILER_BIN` name.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    bench: Bench,

    /// Where to write the figures as JSON.
    #[arg(long, env = "RESTAPI_BENCH_OUT", value_name = "PATH", global = true)]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// How long many applications take to be applied and to be ready, against a bare client.
    Converge(converge::Args),
    /// How much memory many applications take, at the peak of start and one repeated list.
    Memory(memory::Args),
    /// What is written, read and computed while nothing happens.
    Idle(idle::Args),
    /// How long a change of a spec takes to reach the Deployment.
    Latency(latency::Args),
    /// How long it takes until what somebody else changed is back.
    Drift(drift::Args),
    /// How many requests are lost by rolling updates.
    Roll(roll::Args),
    /// How long it takes to move an application to its other environment and back, and what is lost.
    Switch(switch::Args),
    /// Whether a collector of traces in trouble makes reconciles slower.
    Collector(collector::Args),
    /// Whether what a manager tells over NATS is there sooner than what it writes.
    Events(events::Args),
}

/// What the benches share.
#[derive(Clone, Debug, clap::Args)]
struct Common {
    /// The program core-reconciler; what `CORE_RECONCILER_BIN` names when absent.
    #[arg(long, value_name = "PATH")]
    manager: Option<PathBuf>,

    /// How many applications core-reconciler and their author work on at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// Longest time for each step, in seconds.
    #[arg(long, default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    limit_seconds: u64,
}

impl Common {
    fn limit(&self) -> Duration {
        Duration::from_secs(self.limit_seconds)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let figures: Vec<Figure> = match &args.bench {
        Bench::Converge(args) => converge::run(args).await?,
        Bench::Memory(args) => memory::run(args).await?,
        Bench::Idle(args) => idle::run(args).await?,
        Bench::Latency(args) => latency::run(args).await?,
        Bench::Drift(args) => drift::run(args).await?,
        Bench::Roll(args) => roll::run(args).await?,
        Bench::Switch(args) => switch::run(args).await?,
        Bench::Collector(args) => collector::run(args).await?,
        Bench::Events(args) => events::run(args).await?,
    };
    println!("{}", figures::table(&figures));
    let Some(path) = args.out else {
        return Ok(());
    };
    match &args.bench {
        Bench::Switch(args) if args.is_partial() => figures::add(&figures, &path),
        _ => figures::write(&figures, &path),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Args::command().debug_assert();
    }
}
