//! core-reconciler, out of the cluster and without leases, so that every write counted is one for an
//! application.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::try_join;
use restapi_types::{Phase, RestAPI};
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::unchanged;
use suites::watch::until_all;

use crate::applications;

/// How long the count of writes must not change to be the last one; twice as long as status may lag.
const QUIET: Duration = Duration::from_secs(2);

/// What core-reconciler needed to settle some applications.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Seconds from the first create until every application was ready.
    pub seconds: f64,
    /// Requests that write objects: PATCH, PUT and DELETE.
    pub writes: f64,
    /// Requests that publish events: its only POSTs, since objects are written with server-side apply.
    pub events: f64,
    /// The most memory that was resident, in MiB.
    pub rss_peak_mib: f64,
}

/// Creates `count` applications, `concurrency` at a time, and measures `manager` until all are ready and it
/// writes no more.
///
/// # Errors
/// When an application is refused, they aren't all ready within `limit`, or the manager can't be read.
pub async fn settle(
    namespace: &Namespace,
    manager: &Manager,
    (count, concurrency): (usize, usize),
    limit: Duration,
) -> Result<Settled> {
    let before = Requests::of(manager).await?;
    let begin = Instant::now();
    let api = namespace.api::<RestAPI>();
    let (_, end) = try_join!(
        applications::create(namespace, count, concurrency),
        until_all(api, count, limit, is_settled)
    )?;
    let after = last_requests(manager, limit).await?;
    Ok(Settled {
        seconds: end.duration_since(begin).as_secs_f64(),
        writes: after.writes - before.writes,
        events: after.events - before.events,
        rss_peak_mib: rss_peak_mib(manager.pid())?,
    })
}

/// Whether the status speaks of the newest spec and says that it is ready.
fn is_settled(restapi: &RestAPI) -> bool {
    restapi.status.as_ref().is_some_and(|status| {
        status.phase == Some(Phase::Ready)
            && status.observed_generation == restapi.metadata.generation
    })
}

/// Requests of a manager since its start.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Requests {
    writes: f64,
    events: f64,
}

impl Requests {
    async fn of(manager: &Manager) -> Result<Self> {
        let metrics = manager.metrics().await?;
        let mut writes = 0.0;
        for method in ["PATCH", "PUT", "DELETE"] {
            writes += metrics.requests(method);
        }
        Ok(Self {
            writes,
            events: metrics.requests("POST"),
        })
    }
}

/// The requests once no more are sent.
async fn last_requests(manager: &Manager, limit: Duration) -> Result<Requests> {
    let what = "the requests of core-reconciler after all were ready";
    unchanged(QUIET, limit, what, async || Requests::of(manager).await).await
}

/// The peak of the resident memory of process `pid`, in MiB.
fn rss_peak_mib(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    high_water_mib(&status).with_context(|| format!("{path} has no VmHWM in kB"))
}

fn high_water_mib(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_memory_is_read_in_mib() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 5 kB\n";
        assert_eq!(high_water_mib(status), Some(2.0));
        assert_eq!(high_water_mib("VmRSS:\t 5 kB\n"), None);
    }
}
