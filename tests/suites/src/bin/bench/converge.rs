//! How long core-reconciler takes to apply and to settle many applications, against a bare client that
//! writes the same objects on the same cluster.
//!
//! *Applied*: from the first create of a `RestAPI` until every object exists, with the controller-manager
//! stopped; of the bare client, from its first write until every object exists. *Settled*: until every
//! `RestAPI` is Ready; of the bare client, until every Deployment is available.

mod bare;
mod fields;
mod recording;
mod rounds;
mod whole;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::Api;
use kube::api::ListParams;
use restapi_types::RestAPI;
use suites::env::Env;
use suites::namespace::{self, Namespace};
use suites::watch;

use crate::figures::{Figure, percentile};
use crate::running::{self, Requests};
use crate::{Common, applications, task};
use recording::Recording;
use rounds::{Applied, Settled};

/// How many requests the bare client has under way at a time, one after the other: the fastest counts.
const IN_FLIGHT: [usize; 3] = [8, 16, 32];

/// Arguments of `bench converge`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many applications, of four components each.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    apps: u16,

    /// How often each is measured, in turn; times are medians, the rest are maxima.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,

    /// Leave out what is measured without the controller-manager.
    #[arg(long)]
    only_settled: bool,

    #[command(flatten)]
    common: Common,
}

/// Measures both, the bare client and core-reconciler.
///
/// # Errors
/// When there are applications already, or something is refused or takes too long.
pub async fn run(args: &Args) -> Result<Vec<Figure>> {
    nobody_else().await?;
    let recording = record(args).await?;
    eprintln!("converge: an application has {} objects", recording.len());
    let mut applied = Vec::new();
    if !args.only_settled {
        task::stop("controller-manager").await?;
        for _ in 0..args.rounds {
            applied.push(rounds::applied(args, &recording, IN_FLIGHT).await?);
        }
        task::start().await?;
    }
    let in_flight = applied.first().map_or(16, |first| first.in_flight);
    let mut settled = Vec::new();
    for _ in 0..args.rounds {
        settled.push(rounds::settled(args, &recording, in_flight).await?);
    }
    Ok(summary(args, &applied, &settled))
}

/// Applications that are there already would be worked on as well.
async fn nobody_else() -> Result<()> {
    let api = Api::<RestAPI>::all(Env::read()?.client().await?);
    let there = api.list_metadata(&ListParams::default().limit(1)).await?;
    ensure!(
        there.items.is_empty(),
        "the cluster has applications already: take it down, or delete them"
    );
    Ok(())
}

/// What core-reconciler writes for one application. What a cluster does for the first time takes longer than
/// all later times, so this also warms it up.
async fn record(args: &Args) -> Result<Recording> {
    alone(args, "converge-record", async |namespace| {
        let manager = running::start(namespace, &args.common).await?;
        let created = applications::create(namespace, 0..1, 1).await?;
        let api = namespace.api::<RestAPI>();
        let limit = args.common.limit();
        watch::until_all(api, 1, limit, applications::is_settled).await?;
        Requests::last(&manager, limit).await?;
        let app = created.first().context("nothing was created")?;
        let recording = Recording::of(namespace, app).await?;
        running::stop(manager).await?;
        Ok(recording)
    })
    .await
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
    watch::until_none(all, &namespace.name, args.common.limit()).await?;
    Ok(result)
}

fn summary(args: &Args, applied: &[Applied], settled: &[Settled]) -> Vec<Figure> {
    let apps = f64::from(args.apps);
    let mut figures = Vec::new();
    if !applied.is_empty() {
        let seconds = median(applied, |a| a.seconds);
        let bare = median(applied, |a| a.bare_seconds);
        figures.push(Figure::new("applied_s", seconds, "s"));
        figures.push(Figure::new("applied_ratio", seconds / bare, ""));
    }
    let seconds = median(settled, |s| s.seconds);
    let bare = median(settled, |s| s.bare_seconds);
    let most = |value: fn(&Settled) -> f64| settled.iter().map(value).fold(0.0, f64::max);
    figures.extend([
        Figure::new("settled_s", seconds, "s"),
        Figure::new("bare_client_s", bare, "s"),
        Figure::new("settled_ratio", seconds / bare, ""),
        Figure::new("writes_per_app", most(|s| s.requests.writes) / apps, ""),
        Figure::new("events_per_app", most(|s| s.requests.events) / apps, ""),
        Figure::new("rss_peak_mib", most(|s| s.rss_peak_mib), "MiB"),
    ]);
    figures
}

fn median<T>(rounds: &[T], value: impl Fn(&T) -> f64) -> f64 {
    percentile(&rounds.iter().map(value).collect::<Vec<_>>(), 0.5)
}
