//! A manager that is killed again and again ends where an undisturbed one ends.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use suites::manager::Manager;
use suites::namespace::Namespace;
use tokio::time::sleep;

use super::support::apps::{IMAGE, create, four, settled_within};
use super::support::run;

/// How many applications are created at once.
const APPS: usize = 20;

/// How often the manager is killed.
const KILLS: usize = 6;

/// How long it may take until all is settled.
const LONG: Duration = Duration::from_mins(2);

async fn create_all(ns: &Namespace) -> Result<()> {
    let spec = |number: usize| match number % 3 {
        0 => four(),
        1 => json!({"image": IMAGE, "view": {"replicas": 2}, "model": {"envVars": {"A": ""}}}),
        _ => json!({"image": IMAGE, "repository": {"resources": {"limits": {"cpu": "1000m"}}}}),
    };
    try_join_all((0..APPS).map(async |n| create(ns, &format!("app-{n}"), &spec(n)).await)).await?;
    Ok(())
}

/// What exists once all is settled.
async fn outcome(ns: &Namespace) -> Result<BTreeMap<String, Value>> {
    settled_within(ns, LONG).await?.shapes(ns)
}

async fn undisturbed() -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    run("undisturbed", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create_all(&ns).await?;
        all = outcome(&ns).await?;
        Ok(())
    })
    .await?;
    Ok(all)
}

async fn killed_at(moments: &[Duration]) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    run("crashes", async |ns| {
        let mut manager = Manager::start(&ns, "core-0").await?;
        create_all(&ns).await?;
        for (number, moment) in (1..).zip(moments) {
            // The moment is what varies here; nothing is waited for.
            sleep(*moment).await;
            manager.kill().await?;
            manager = Manager::start(&ns, &format!("core-{number}")).await?;
        }
        all = outcome(&ns).await?;
        Ok(())
    })
    .await?;
    Ok(all)
}

/// Moments from 0 to 400 ms after a start, different in every run; printed, so that a failure can be
/// repeated with them.
fn moments() -> Vec<Duration> {
    let seed = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs();
    let next = |state: &u64| {
        Some(
            state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1),
        )
    };
    let moments = std::iter::successors(Some(u64::from(seed)), next)
        .skip(1)
        .take(KILLS);
    moments
        .map(|state| Duration::from_millis((state >> 33) % 400))
        .collect()
}

#[tokio::test]
async fn a_manager_killed_at_random_ends_where_an_undisturbed_one_ends() -> Result<()> {
    let moments = moments();
    println!("killed {moments:?} after each start");
    let (expected, found) = futures::try_join!(undisturbed(), killed_at(&moments))?;
    ensure!(
        expected.keys().eq(found.keys()),
        "exist {:?}, not {:?}",
        found.keys(),
        expected.keys()
    );
    for (id, expected) in &expected {
        let found = found.get(id);
        ensure!(found == Some(expected), "{id} is {found:?}, not {expected}");
    }
    // RestAPIs, ServiceAccounts and ControllerRevisions, four objects for each component, and for the
    // applications of the second shape a budget and a ConfigMap.
    let components = 7 * 4 + 7 * 2 + 6;
    ensure!(
        expected.len() == APPS * 3 + components * 4 + 7 * 2,
        "exist {}: {:?}",
        expected.len(),
        expected.keys()
    );
    Ok(())
}
