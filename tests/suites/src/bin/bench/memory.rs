//! How much memory many applications take.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use suites::wait::eventually;

use crate::Common;
use crate::figures::Figure;
use crate::population;
use crate::process;
use crate::running::{self, Requests};
use crate::task;

/// Kinds that core-reconciler watches: each must be listed again.
const KINDS: [&str; 4] = ["RestAPI", "Deployment", "Service", "Pod"];

/// How long the watches may take to find out that the API server was started anew, and to list again.
const RELIST: Duration = Duration::from_mins(3);

/// Arguments of `bench memory`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// With how many applications, of four components each, in growing order.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,5000")]
    sizes: Vec<u16>,

    #[command(flatten)]
    common: Common,
}

/// Measures with each number of applications.
///
/// # Errors
/// When they can't be had, or lists aren't repeated.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    ensure!(
        args.sizes.is_sorted_by(|a, b| a < b),
        "--sizes must grow, so that applications need only be added"
    );
    let mut peaks = Vec::new();
    for size in &args.sizes {
        let peak = peak_mib(usize::from(*size), &args.common).await?;
        eprintln!("memory: {size} applications: {peak:.1} MiB at the peak");
        peaks.push((f64::from(*size), peak));
    }
    let mut figures: Vec<Figure> = peaks
        .iter()
        .map(|(size, peak)| Figure::new(format!("rss_mib_{size}"), *peak, "MiB"))
        .collect();
    let (first, last) = (peaks.first(), peaks.last());
    let (first, last) = (first.context("no size")?, last.context("no size")?);
    if last.0 > first.0 {
        let per_app = (last.1 - first.1) / (last.0 - first.0);
        figures.push(Figure::new("kib_per_app", per_app * 1024.0, "KiB"));
        figures.push(Figure::new("floor_mib", first.1 - per_app * first.0, "MiB"));
    }
    Ok(figures)
}

/// The peak of the resident memory of a manager that starts with `count` applications that are settled, and
/// then lists everything once more.
async fn peak_mib(count: usize, common: &Common) -> Result<f64> {
    let manager = population::managed_in_many(count, common).await?;
    let pid = manager.pid();
    let (peak, now) = (process::rss_peak_mib(pid)?, process::rss_mib(pid)?);
    eprintln!("memory: {peak:.1} MiB at the peak of the start, {now:.1} MiB after it");
    let before = running::lists(&manager, &KINDS).await?;
    // Its memory of what changed is new, so every watch that goes on from before is told to begin anew. With many
    // objects the API server gives up when others list them all while it starts.
    for name in ["scheduler", "controller-manager", "apiserver"] {
        task::stop(name).await?;
    }
    task::start().await?;
    let what = "every kind is listed again";
    eventually(RELIST, what, async || {
        let lists = running::lists(&manager, &KINDS).await?;
        ensure!(lists > before, "the least listed kind has {lists} lists");
        Ok(())
    })
    .await?;
    Requests::last(&manager, common.limit()).await?;
    let (peak, now) = (process::rss_peak_mib(pid)?, process::rss_mib(pid)?);
    eprintln!("memory: {peak:.1} MiB at the peak of the repeated lists, {now:.1} MiB after them");
    running::stop(manager).await?;
    Ok(peak)
}
