//! Writes that the API server refuses.

use std::time::Duration;

use anyhow::{Result, ensure};
use restapi_types::conditions::{READY, STALLED};
use serde_json::json;
use suites::manager::Manager;
use suites::wait::timed;

use super::support::apps::{self, change, condition, create, get, holds, ready, settled, view};
use super::support::{quota, run};

/// How soon a refusal is told.
const TOLD: Duration = Duration::from_secs(2);

/// How soon it is noticed that a refused write would now be accepted: it is tried every 10 s.
const TRIED_AGAIN: Duration = Duration::from_secs(25);

#[tokio::test]
async fn a_quota_on_services_is_told_harms_nothing_and_is_no_end() -> Result<()> {
    run("quota", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        ready(&ns, "orders").await?;
        let before = settled(&ns).await?.owned().states();
        quota::limit(&ns, "count/services", "2", 2).await?;
        change(&ns, "orders", &json!({"model": {}})).await?;
        let message = holds(&ns, "orders", (STALLED, "WriteRefused"), TOLD).await?;
        ensure!(
            message.contains("Service orders-model"),
            "the object is not named: {message}"
        );
        ensure!(
            message.contains("exceeded quota: limit"),
            "the cause is not named: {message}"
        );
        ensure!(message.contains("what ran before still runs"), "{message}");
        let now = settled(&ns).await?.owned().states();
        let services = before.iter().filter(|(id, _)| id.starts_with("Service"));
        for (id, state) in services {
            ensure!(now.get(id) == Some(state), "{id} was changed");
        }
        let view_before = before
            .get("Deployment/orders-view-blue")
            .map(|(uid, _)| uid);
        ensure!(
            now.get("Deployment/orders-view-blue").map(|(uid, _)| uid) == view_before,
            "view was replaced"
        );
        quota::limit(&ns, "count/services", "10", 2).await?;
        timed(
            TRIED_AGAIN,
            "there is room in the quota, the application is no longer stalled",
            async || {
                let app = get(&ns, "orders").await?;
                let stalled = condition(&app, STALLED)?;
                ensure!(stalled.status == "False", "{stalled:?}");
                Ok(())
            },
        )
        .await?;
        apps::ready(&ns, "orders").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_refusal_of_everything_is_told() -> Result<()> {
    run("nothing", async |ns| {
        quota::limit(&ns, "count/serviceaccounts", "0", 0).await?;
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        let message = holds(&ns, "orders", (STALLED, "WriteRefused"), TOLD).await?;
        ensure!(message.contains("ServiceAccount orders"), "{message}");
        let app = get(&ns, "orders").await?;
        ensure!(
            condition(&app, READY)?.status == "False",
            "Ready without a ServiceAccount"
        );
        let phase = app.status.and_then(|status| status.phase);
        ensure!(
            phase == Some(restapi_types::Phase::Failed),
            "the phase is {phase:?}"
        );
        Ok(())
    })
    .await
}
