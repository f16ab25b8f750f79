//! One measurement of each.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::try_join;
use k8s_openapi::api::apps::v1::Deployment;
use restapi_types::{ComponentName, RestAPI};
use suites::namespace::{self, Namespace};
use suites::watch::until_all;

use super::bare::Client;
use super::recording::Recording;
use super::{Args, alone, whole};
use crate::running::{self, Requests, reconciles};
use crate::{applications, process};

/// The components of each application: all.
const COMPONENTS: usize = ComponentName::ALL.len();

/// How long until every object exists, without a controller-manager.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// With core-reconciler.
    pub seconds: f64,
    /// With the fastest bare client.
    pub bare_seconds: f64,
    /// How many requests the fastest bare client had under way.
    pub in_flight: usize,
}

/// How long until everything is ready.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// With core-reconciler.
    pub seconds: f64,
    /// With the bare client.
    pub bare_seconds: f64,
    /// The requests of core-reconciler.
    pub requests: Requests,
    /// Its most memory.
    pub rss_peak_mib: f64,
}

/// Measures until everything exists: bare clients with each of `in_flight`, then core-reconciler.
///
/// # Errors
/// When something is refused or takes too long.
pub async fn applied<const N: usize>(
    args: &Args,
    recording: &Recording,
    in_flight: [usize; N],
) -> Result<Applied> {
    let mut fastest: Option<(f64, usize)> = None;
    for in_flight in in_flight {
        let seconds = deleted(recording, async |namespace| {
            let client = client(args, recording, namespace).await?;
            let begin = Instant::now();
            let exists = exists(args, recording, namespace);
            let ((), end) = try_join!(client.write(namespace, in_flight), exists)?;
            Ok(end.duration_since(begin).as_secs_f64())
        })
        .await?;
        eprintln!("applied: bare client with {in_flight} in flight: {seconds:.2} s");
        if fastest.is_none_or(|(best, _)| seconds < best) {
            fastest = Some((seconds, in_flight));
        }
    }
    let (bare_seconds, in_flight) = fastest.context("there is no bare client")?;
    let seconds = deleted(recording, async |namespace| {
        let manager = running::start(namespace, &args.common).await?;
        let begin = Instant::now();
        let created = create(args, namespace);
        let (_, end) = try_join!(created, exists(args, recording, namespace))?;
        // Stopped before what it made is deleted, which it would make again.
        running::stop(manager).await?;
        Ok(end.duration_since(begin).as_secs_f64())
    })
    .await?;
    eprintln!("applied: core-reconciler: {seconds:.2} s");
    Ok(Applied {
        seconds,
        bare_seconds,
        in_flight,
    })
}

/// Measures until everything is ready: the bare client, then core-reconciler.
///
/// # Errors
/// When something is refused or takes too long.
pub async fn settled(args: &Args, recording: &Recording, in_flight: usize) -> Result<Settled> {
    let limit = args.common.limit();
    let bare_seconds = alone(args, "converge-bare", async |namespace| {
        let client = client(args, recording, namespace).await?;
        let deployments = usize::from(args.apps) * COMPONENTS;
        let begin = Instant::now();
        let api = namespace.api::<Deployment>();
        let available = until_all(api, deployments, limit, applications::is_available);
        let ((), end) = try_join!(client.write(namespace, in_flight), available)?;
        Ok(end.duration_since(begin).as_secs_f64())
    })
    .await?;
    eprintln!("settled: bare client with {in_flight} in flight: {bare_seconds:.2} s");
    let settled = alone(args, "converge-operator", async |namespace| {
        operator(args, namespace, bare_seconds).await
    })
    .await?;
    eprintln!("settled: core-reconciler: {:.2} s", settled.seconds);
    Ok(settled)
}

async fn operator(args: &Args, namespace: &Namespace, bare_seconds: f64) -> Result<Settled> {
    let limit = args.common.limit();
    let manager = running::start(namespace, &args.common).await?;
    let before = Requests::of(&manager).await?;
    let begin = Instant::now();
    let api = namespace.api::<RestAPI>();
    let ready = until_all(api, args.apps.into(), limit, applications::is_settled);
    let (_, end) = try_join!(create(args, namespace), ready)?;
    let requests = Requests::last(&manager, limit).await?.since(before);
    let metrics = manager.metrics().await?;
    let cpu = process::cpu_time(manager.pid())?;
    eprintln!(
        "settled: {:.1} reconciles and {:.1} reads per application, {cpu:.1?} of the processor",
        reconciles(&metrics) / f64::from(args.apps),
        requests.reads / f64::from(args.apps),
    );
    let rss_peak_mib = process::rss_peak_mib(manager.pid())?;
    running::stop(manager).await?;
    Ok(Settled {
        seconds: end.duration_since(begin).as_secs_f64(),
        bare_seconds,
        requests,
        rss_peak_mib,
    })
}

async fn create(args: &Args, namespace: &Namespace) -> Result<Vec<RestAPI>> {
    applications::create(
        namespace,
        0..usize::from(args.apps),
        args.common.concurrency.into(),
    )
    .await
}

/// A bare client for new applications, which nobody reconciles: owners for the objects, so that these are the
/// same to the last field.
async fn client(args: &Args, recording: &Recording, namespace: &Namespace) -> Result<Client> {
    let owners = create(args, namespace).await?;
    Client::new(recording, &owners)
}

fn exists(
    args: &Args,
    recording: &Recording,
    namespace: &Namespace,
) -> impl Future<Output = Result<Instant>> {
    let limit: Duration = args.common.limit();
    whole::exists(namespace, recording, args.apps.into(), limit)
}

/// Runs `work` in a new namespace and deletes what it made: nobody else does without a controller-manager.
async fn deleted<T>(
    recording: &Recording,
    work: impl AsyncFnOnce(&Namespace) -> Result<T>,
) -> Result<T> {
    let mut done = None;
    namespace::with("converge-applied", async |namespace| {
        let result = work(&namespace).await?;
        whole::delete(&namespace, recording).await?;
        done = Some(result);
        Ok(())
    })
    .await?;
    done.context("nothing was measured")
}
