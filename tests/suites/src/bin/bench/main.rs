//! Measures how long core-reconciler takes to settle many applications, against a bare client that creates
//! the same objects with the same concurrency on the same cluster.
//!
//! Meant for a cluster whose only nodes are KWOK's: `cargo xtask bench converge` makes one.
#![forbid(unsafe_code)]

mod applications;
mod bare;
mod figures;
mod operator;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::Api;
use suites::manager::Manager;
use suites::namespace::{self, Namespace};
use suites::watch;

use figures::{Figure, median};
use operator::Settled;

/// The C library's allocator in static binaries is slow: the bare client must not be measured with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures how long core-reconciler takes to settle many applications, against a bare client. The cluster
/// and the programs are those that `RESTAPI_TEST_KUBECONFIG`, `RESTAPI_TEST_KUBECTL` and
/// `CORE_RECONCILER_BIN` name.
#[derive(Clone, Debug, Parser)]
struct Args {
    /// How many applications, of four components each.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    apps: u16,

    /// Start of the names of the namespaces, which are new and are removed in the end.
    #[arg(long, default_value = "converge")]
    namespace: String,

    /// The program core-reconciler; what `CORE_RECONCILER_BIN` names when absent.
    #[arg(long, value_name = "PATH")]
    manager: Option<PathBuf>,

    /// How many applications core-reconciler, the bare client and their author work on at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    /// How often each is measured, in turn; times are medians, the rest are maxima.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,

    /// Longest time for each step, in seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    limit_seconds: u64,

    /// Where to write the figures as JSON.
    #[arg(long, env = "RESTAPI_BENCH_OUT", value_name = "PATH")]
    out: Option<PathBuf>,
}

impl Args {
    fn limit(&self) -> Duration {
        Duration::from_secs(self.limit_seconds)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let figures = measure(&args).await?;
    println!("{}", figures::table(&figures));
    args.out
        .map_or(Ok(()), |path| figures::write(&figures, &path))
}

async fn measure(args: &Args) -> Result<Vec<Figure>> {
    // What a cluster does for the first time takes longer than all later times.
    bare(args, args.apps.min(args.concurrency)).await?;
    let (mut bare_times, mut settled) = (Vec::new(), Vec::new());
    for round in 1..=args.rounds {
        // In turn, so that neither always works on the larger etcd.
        if round % 2 == 1 {
            bare_times.push(bare(args, args.apps).await?);
            settled.push(operator(args).await?);
        } else {
            settled.push(operator(args).await?);
            bare_times.push(bare(args, args.apps).await?);
        }
    }
    summary(args, bare_times, &settled)
}

async fn bare(args: &Args, apps: u16) -> Result<f64> {
    let (name, concurrency) = (format!("{}-bare", args.namespace), args.concurrency.into());
    let seconds = alone(args, &name, async |namespace| {
        // Owners for the objects, so that they are the same to the last field. Nobody reconciles them.
        let owners = applications::create(namespace, apps.into(), concurrency).await?;
        bare::seconds(namespace, &owners, concurrency, args.limit()).await
    })
    .await?;
    eprintln!("bare client: {apps} applications in {seconds:.2} s");
    Ok(seconds)
}

async fn operator(args: &Args) -> Result<Settled> {
    let name = format!("{}-operator", args.namespace);
    let settled = alone(args, &name, async |namespace| {
        let manager = start(args, namespace).await?;
        let load = (args.apps.into(), args.concurrency.into());
        operator::settle(namespace, &manager, load, args.limit()).await
    })
    .await?;
    eprintln!(
        "core-reconciler: {} applications in {:.2} s",
        args.apps, settled.seconds
    );
    Ok(settled)
}

/// core-reconciler for the whole cluster, as it is installed, but without leases and outside.
async fn start(args: &Args, namespace: &Namespace) -> Result<Manager> {
    let env = &namespace.env;
    let program = args.manager.as_ref().unwrap_or(&env.core_reconciler);
    let log = namespace.logs().join("core-reconciler.log");
    let concurrency = args.concurrency.to_string();
    let variables = [("NO_LEASE", "true"), ("CONCURRENCY", &concurrency)];
    let manager = Manager::launch(program, &env.kubeconfig, &log, &variables).await?;
    manager.ready().await?;
    Ok(manager)
}

/// Runs `work` in a new namespace, and waits until everything in that is gone, so that nothing of it burdens
/// what is measured next.
async fn alone<T>(
    args: &Args,
    name: &str,
    work: impl AsyncFnOnce(&Namespace) -> Result<T>,
) -> Result<T> {
    let mut done = None;
    namespace::with(name, async |namespace| {
        let result = work(&namespace).await?;
        done = Some((namespace, result));
        Ok(())
    })
    .await?;
    let (namespace, result) = done.context("nothing was measured")?;
    let all = Api::<KubeNamespace>::all(namespace.client.clone());
    watch::until_none(all, &namespace.name, args.limit()).await?;
    Ok(result)
}

fn summary(args: &Args, bare_times: Vec<f64>, settled: &[Settled]) -> Result<Vec<Figure>> {
    let bare = median(bare_times).context("no round was measured")?;
    let seconds =
        median(settled.iter().map(|s| s.seconds).collect()).context("no round was measured")?;
    let most = |value: fn(&Settled) -> f64| settled.iter().map(value).fold(0.0, f64::max);
    let apps = f64::from(args.apps);
    Ok(vec![
        Figure::new("settled_s", seconds, "s"),
        Figure::new("bare_client_s", bare, "s"),
        Figure::new("settled_ratio", seconds / bare, ""),
        Figure::new("writes_per_app", most(|s| s.writes) / apps, ""),
        Figure::new("events_per_app", most(|s| s.events) / apps, ""),
        Figure::new("rss_peak_mib", most(|s| s.rss_peak_mib), "MiB"),
    ])
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
