//! Two instances of the manager: one works, the other takes over.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use suites::manager::{Manager, Options};
use suites::namespace::Namespace;
use suites::wait::{eventually, timed};

use super::support::apps::{create, get, settled, view};
use super::support::{SOON, run};

/// The leases' duration, the shortest that there is.
const LEASE: Duration = Duration::from_secs(3);

/// What may pass beside the duration of a lease until another instance has noticed that it ran out and
/// works: it looks every 0.4 s, and the machine is busy.
const NOTICE: Duration = Duration::from_secs(2);

/// How long a take-over may take when the holder releases its lease.
const RELEASED: Duration = Duration::from_secs(1);

/// Two ready instances: the one that holds the lease first.
async fn two(ns: &Namespace) -> Result<(Manager, Manager)> {
    let options = Options {
        lease: Some(LEASE),
        ..Options::default()
    };
    let first = Manager::spawn(ns, "core-one", options).await?;
    first.ready().await?;
    eventually(SOON, "the first instance holds the lease", async || {
        holds(&first).await
    })
    .await?;
    let second = Manager::spawn(ns, "core-two", options).await?;
    second.ready().await?;
    Ok((first, second))
}

async fn holds(manager: &Manager) -> Result<()> {
    let held = manager.metrics().await?.sum("restapi_shards_held", &[]);
    ensure!(held > 0.5, "it holds {held} shards");
    Ok(())
}

/// Waits until `manager` has brought a new application as far as it gets.
async fn works(ns: &Namespace, manager: &Manager, app: &str) -> Result<()> {
    create(ns, app, &view()).await?;
    settled(ns).await?;
    ensure!(get(ns, app).await?.status.is_some(), "{app} has no status");
    ensure!(
        manager.metrics().await?.requests("PATCH") > 4.0,
        "somebody else made {app}"
    );
    Ok(())
}

#[tokio::test]
async fn only_the_holder_of_the_lease_writes() -> Result<()> {
    run("standby", async |ns| {
        let (leader, standby) = two(&ns).await?;
        works(&ns, &leader, "orders").await?;
        holds(&leader).await?;
        let metrics = standby.metrics().await?;
        // Objects and status are written by PATCH and DELETE; leases are not.
        let writes = metrics.requests("PATCH") + metrics.requests("DELETE");
        ensure!(writes < 1.0, "the standby sent {writes} writes");
        ensure!(holds(&standby).await.is_err(), "both hold the lease");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_standby_takes_over_from_a_leader_that_was_killed() -> Result<()> {
    run("killed", async |ns| {
        let (leader, standby) = two(&ns).await?;
        works(&ns, &leader, "before").await?;
        leader.kill().await?;
        let what = "the leader was killed, the standby holds the lease";
        timed(LEASE + NOTICE, what, async || holds(&standby).await).await?;
        works(&ns, &standby, "after").await
    })
    .await
}

#[tokio::test]
async fn a_standby_takes_over_at_once_from_a_leader_that_stops() -> Result<()> {
    run("stopped", async |ns| {
        let (leader, standby) = two(&ns).await?;
        works(&ns, &leader, "before").await?;
        let begin = Instant::now();
        leader.terminate()?;
        let status = leader.ended().await?;
        let stopped = begin.elapsed();
        ensure!(status.success(), "the leader ended with {status}");
        let what = "the leader was asked to stop, the standby holds the lease";
        eventually(SOON, what, async || holds(&standby).await).await?;
        let took_over = begin.elapsed();
        println!("stopped after {stopped:.2?}, taken over after {took_over:.2?}");
        ensure!(
            took_over < RELEASED.max(stopped + RELEASED),
            "taken over after {took_over:?}"
        );
        works(&ns, &standby, "after").await
    })
    .await
}
