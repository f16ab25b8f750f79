//! What is written, read and computed while nothing happens.

use std::time::Duration;

use anyhow::Result;

use crate::Common;
use crate::figures::Figure;
use crate::population;
use crate::process;
use crate::running::{self, Requests};

/// Arguments of `bench idle`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many applications there are, of four components each.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    apps: u16,

    /// For how many seconds nothing happens.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,

    #[command(flatten)]
    common: Common,
}

/// Looks on while core-reconciler has nothing to do.
///
/// # Errors
/// When it can't be measured.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    let (_, manager) = population::managed(args.apps.into(), &args.common).await?;
    let (before, time) = (
        Requests::of(&manager).await?,
        process::cpu_time(manager.pid())?,
    );
    // Nothing is to happen in this time, so there is no condition to wait for.
    let span = Duration::from_secs(args.seconds);
    tokio::time::sleep(span).await;
    let used = process::cpu_time(manager.pid())?.saturating_sub(time);
    let requests = Requests::of(&manager).await?.since(before);
    let percent = 100.0 * used.as_secs_f64() / span.as_secs_f64();
    eprintln!(
        "idle: {used:.2?} of the processor in {span:?}, {:.1} MiB resident",
        process::rss_mib(manager.pid())?
    );
    running::stop(manager).await?;
    Ok(vec![
        Figure::new("writes", requests.writes + requests.events, ""),
        Figure::new("reads", requests.reads, ""),
        Figure::new("cpu_percent", percent, "%"),
    ])
}
