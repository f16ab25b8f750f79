//! Rollouts and scaling: what is reported on the way, and what serves meanwhile.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use restapi_types::conditions::{AVAILABLE, READY, RECONCILING, STALLED};
use restapi_types::{Phase, RestAPI};
use serde_json::json;
use suites::manager::Manager;
use suites::wait::eventually;

use super::support::apps::{change, condition, create, get, holds, ready, view};
use super::support::{SOON, quota, run};

#[tokio::test]
async fn pods_that_are_refused_stall_and_what_serves_serves_on() -> Result<()> {
    run("pods-refused", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        ready(&ns, "orders").await?;
        let serving = ns.api::<Pod>().list(&ListParams::default()).await?.items;
        quota::limit(&ns, "pods", "1", 1).await?;
        change(&ns, "orders", &json!({"image": "example.invalid/app:2"})).await?;
        let message = holds(&ns, "orders", (STALLED, "PodsRefused"), SOON).await?;
        ensure!(
            message.contains("view") && message.contains("make room in the quota"),
            "{message}"
        );
        let app = get(&ns, "orders").await?;
        let phase = app.status.as_ref().and_then(|s| s.phase);
        ensure!(phase == Some(Phase::Degraded), "the phase is {phase:?}");
        let now = ns.api::<Pod>().list(&ListParams::default()).await?.items;
        let uids = |pods: &[Pod]| pods.iter().map(ResourceExt::uid).collect::<Vec<_>>();
        ensure!(
            uids(&now) == uids(&serving),
            "the pod that served was replaced"
        );
        // The controller-manager tries again ever more rarely; a change of the Deployment's scale makes it
        // look at once.
        quota::limit(&ns, "pods", "5", 1).await?;
        change(&ns, "orders", &json!({"replicas": 2})).await?;
        ready(&ns, "orders").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn scaling_to_nothing_and_back_restarts_no_pod_template() -> Result<()> {
    run("scaling", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        let first = ready(&ns, "orders").await?;
        let revision = |app: &RestAPI| {
            app.status
                .as_ref()?
                .core
                .as_ref()
                .map(|c| c.revision.clone())
        };
        for replicas in [0, 3, 1] {
            change(&ns, "orders", &json!({"view": {"replicas": replicas}})).await?;
            let app = ready(&ns, "orders").await?;
            ensure!(
                revision(&app) == revision(&first),
                "{replicas} replicas are a new revision"
            );
            let pods = app.status.as_ref().and_then(|s| s.replicas);
            ensure!(pods == Some(replicas), "{pods:?} pods of {replicas}");
        }
        let deployment = ns.api::<Deployment>().get("orders-view-blue").await?;
        let rollouts = deployment
            .annotations()
            .get("deployment.kubernetes.io/revision")
            .cloned();
        ensure!(
            rollouts.as_deref() == Some("1"),
            "the template was rolled out as {rollouts:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_rollout_is_reported_while_it_is_under_way() -> Result<()> {
    run("rolling", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        ready(&ns, "orders").await?;
        change(&ns, "orders", &json!({"image": "example.invalid/app:2"})).await?;
        let rolling = eventually(SOON, "it says that it is being reconciled", async || {
            let app = get(&ns, "orders").await?;
            let observed = app.status.as_ref().and_then(|s| s.observed_generation);
            let reconciling = condition(&app, RECONCILING)?;
            ensure!(
                observed == Some(2) && reconciling.status == "True",
                "{reconciling:?}"
            );
            Ok(app)
        })
        .await?;
        let is = |type_| anyhow::Ok(condition(&rolling, type_)?.status.clone());
        ensure!(is(READY)? == "False", "Ready in the middle of a rollout");
        ensure!(is(AVAILABLE)? == "True", "the old pod serves");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_finished_rollout_is_a_new_revision_and_a_deployment() -> Result<()> {
    run("rollout", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        let first = ready(&ns, "orders").await?;
        let deployed = |app: &RestAPI| app.status.clone().and_then(|s| s.last_deployment_time);
        let time = deployed(&first)
            .context("it does not tell when it was deployed")?
            .0;
        eventually(
            SOON,
            "a later second than that of the deployment",
            async || {
                ensure!(
                    jiff::Timestamp::now().duration_since(time).as_secs() >= 1,
                    "not yet"
                );
                Ok(())
            },
        )
        .await?;
        change(&ns, "orders", &json!({"image": "example.invalid/app:2"})).await?;
        let last = ready(&ns, "orders").await?;
        let core = |app: &RestAPI| app.status.clone().and_then(|s| s.core).unwrap_or_default();
        let (before, after) = (core(&first), core(&last));
        ensure!(
            after.revision != before.revision,
            "another image is the same revision"
        );
        ensure!(
            after.revision_number == Some(2),
            "it is {:?}",
            after.revision_number
        );
        let now = deployed(&last)
            .context("it no longer tells when it was deployed")?
            .0;
        ensure!(now > time, "deployed at {now}, before at {time}");
        Ok(())
    })
    .await
}
