//! What the status says, and when.

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use restapi_types::conditions::{AVAILABLE, PROGRESSING, READY, RECONCILING, STALLED};
use restapi_types::{Phase, RestAPI, RestAPIStatus};
use serde_json::json;
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::{eventually, timed};
use tokio::time::timeout;

use super::support::apps::{self, change, condition, create, four, get, ready, settled, view};
use super::support::{SOON, run};

#[tokio::test]
async fn the_first_word_is_that_it_is_being_reconciled() -> Result<()> {
    run("first", async |ns| {
        let created = create(&ns, "orders", &four()).await?;
        let _manager = Manager::start(&ns, "core").await?;
        let first = first_status(&ns, &created).await?;
        let status = first.status.as_ref().context("no status")?;
        ensure!(
            status.phase == Some(Phase::Pending),
            "the phase is {:?}",
            status.phase
        );
        ensure!(
            status.observed_generation == Some(1),
            "observed {:?}",
            status.observed_generation
        );
        let verdicts = [
            (READY, "False"),
            (RECONCILING, "True"),
            (STALLED, "False"),
            (AVAILABLE, "False"),
            (PROGRESSING, "True"),
        ];
        for (type_, expected) in verdicts {
            let found = condition(&first, type_)?;
            ensure!(found.status == expected, "{found:?}");
            ensure!(found.observed_generation == Some(1), "{found:?}");
            ensure!(
                !found.reason.is_empty() && !found.message.is_empty(),
                "{found:?}"
            );
        }
        Ok(())
    })
    .await
}

/// The object as it was when it first had a status.
async fn first_status(ns: &Namespace, created: &RestAPI) -> Result<RestAPI> {
    let version = created.resource_version().context("no resource version")?;
    let events = ns
        .api::<RestAPI>()
        .watch(&WatchParams::default(), &version)
        .await?;
    let with_status = async |event| match event {
        WatchEvent::Modified(app) => Ok(Some(app).filter(|app: &RestAPI| app.status.is_some())),
        _ => Ok(None),
    };
    let mut states = std::pin::pin!(events.try_filter_map(with_status));
    let first = timeout(SOON, states.try_next())
        .await
        .context("no status in time")??;
    first.context("the watch ended without a status")
}

#[tokio::test]
async fn pods_that_serve_make_it_ready() -> Result<()> {
    run("ready", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(
            &ns,
            "orders",
            &json!({"image": apps::IMAGE, "view": {"replicas": 2}, "model": {}}),
        )
        .await?;
        settled(&ns).await?;
        let before = get(&ns, "orders").await?.status.unwrap_or_default();
        ensure!(
            before.last_deployment_time.is_none(),
            "deployed before anything ran"
        );
        let app = ready(&ns, "orders").await?;
        let status = app.status.clone().unwrap_or_default();
        ensure!(
            (status.replicas, status.ready_replicas) == (Some(3), Some(3)),
            "{status:?}"
        );
        ensure!(
            status.last_deployment_time.is_some(),
            "it does not tell when it was deployed"
        );
        let active = status
            .active_environment
            .map(restapi_types::Environment::as_str);
        ensure!(active == Some("blue"), "{active:?} serves");
        for (type_, expected) in [
            (READY, "True"),
            (RECONCILING, "False"),
            (STALLED, "False"),
            (AVAILABLE, "True"),
        ] {
            let found = condition(&app, type_)?;
            ensure!(found.status == expected, "{found:?}");
        }
        let components = status.components.unwrap_or_default();
        let told: Vec<_> = components
            .iter()
            .map(|c| (c.name.as_str(), c.replicas, c.ready_replicas, c.ready))
            .collect();
        ensure!(
            told == [("model", 1, 1, true), ("view", 2, 2, true)],
            "{told:?}"
        );
        let url = format!("http://orders-model.{}.svc:8080", ns.name);
        ensure!(
            components.iter().any(|c| c.url.as_ref() == Some(&url)),
            "no component is at {url}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pod_that_stops_serving_is_told() -> Result<()> {
    run("unready", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        let deployed = ready(&ns, "orders").await?;
        let pods = ns.api::<Pod>();
        let pod = pods
            .list(&ListParams::default())
            .await?
            .items
            .pop()
            .context("there is no pod")?;
        let not_ready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        pods.patch_status(
            &pod.name_any(),
            &PatchParams::default(),
            &Patch::Strategic(not_ready),
        )
        .await?;
        let (app, _) = timed(
            SOON,
            "a pod stopped serving, Available is False",
            async || {
                let app = get(&ns, "orders").await?;
                let available = condition(&app, AVAILABLE)?;
                ensure!(available.status == "False", "{available:?}");
                Ok(app)
            },
        )
        .await?;
        ensure!(
            condition(&app, READY)?.status == "False",
            "Ready without a pod that serves"
        );
        let deployed_at = |app: &RestAPI| {
            app.status
                .as_ref()
                .and_then(|s| s.last_deployment_time.clone())
        };
        ensure!(
            deployed_at(&app) == deployed_at(&deployed),
            "a pod's readiness counts as a deployment"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_status_that_was_wiped_is_rebuilt_without_a_write_to_anything_else() -> Result<()> {
    run("wiped", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &four()).await?;
        ready(&ns, "orders").await?;
        let all = settled(&ns).await?.owned().states();
        let before = get(&ns, "orders").await?;
        let mut wiped = before.clone();
        wiped.status = Some(RestAPIStatus::default());
        wiped.metadata.managed_fields = None;
        let params = PostParams {
            field_manager: Some("somebody".into()),
            ..PostParams::default()
        };
        let replaced = ns
            .api::<RestAPI>()
            .replace_status("orders", &params, &wiped)
            .await?;
        let left = replaced.status.and_then(|status| status.conditions);
        ensure!(left.is_none(), "it was not wiped: {left:?}");
        timed(SOON, "the status was wiped, it is rebuilt", async || {
            let now = get(&ns, "orders").await?;
            ensure!(
                without_times(&now) == without_times(&before),
                "it is {:?}",
                now.status
            );
            Ok(())
        })
        .await?;
        ensure!(
            settled(&ns).await?.owned().states() == all,
            "something else was written"
        );
        Ok(())
    })
    .await
}

/// The status without the times at which conditions changed or everything was synced: a wiped one can't know them.
fn without_times(app: &RestAPI) -> RestAPIStatus {
    let mut status = app.status.clone().unwrap_or_default();
    for condition in status.conditions.iter_mut().flatten() {
        condition.last_transition_time.0 = jiff::Timestamp::UNIX_EPOCH;
    }
    if let Some(core) = &mut status.core {
        core.synced_at = None;
    }
    status
}

#[tokio::test]
async fn a_condition_that_stays_as_it_is_keeps_its_time() -> Result<()> {
    run("times", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        let before = ready(&ns, "orders").await?;
        let pass = before.creation_timestamp().context("no creation time")?.0;
        eventually(
            SOON,
            "a second has passed since the conditions' times",
            async || {
                let since = condition(&before, AVAILABLE)?
                    .last_transition_time
                    .0
                    .max(pass);
                ensure!(
                    jiff::Timestamp::now().duration_since(since).as_secs() >= 2,
                    "not yet"
                );
                Ok(())
            },
        )
        .await?;
        change(&ns, "orders", &json!({"view": {"replicas": 2}})).await?;
        let after = ready(&ns, "orders").await?;
        let time =
            |app: &RestAPI, type_| anyhow::Ok(condition(app, type_)?.last_transition_time.clone());
        ensure!(
            time(&after, AVAILABLE)? == time(&before, AVAILABLE)?,
            "Available moved without a change"
        );
        ensure!(
            time(&after, READY)? != time(&before, READY)?,
            "Ready did not move when it changed"
        );
        ensure!(
            condition(&after, AVAILABLE)?.observed_generation == Some(2),
            "of an old generation"
        );
        Ok(())
    })
    .await
}
