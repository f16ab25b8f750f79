//! What somebody else changed is put back, soon, and told.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Service, ServiceAccount};
use kube::api::{Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use restapi_types::conditions::STALLED;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use suites::audit::Snapshot;
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::timed;

use super::support::apps::{condition, create, get, settled, told, view};
use super::support::run;

/// How long a repair may take.
const REPAIR: Duration = Duration::from_secs(5);

/// Patches the object `name` of the application `orders` as somebody else, and waits until it says again
/// what it said, and is still the same object.
async fn repaired<K>(test: &str, name: &str, patch: Value) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    run(test, async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        let id = format!("{}/{name}", K::kind(&()));
        let (uid, shape) = look(&settled(&ns).await?, &ns, &id)?;
        tamper::<K>(&ns, name, &patch).await?;
        let (tampered, _) = look(&Snapshot::of(&ns).await?, &ns, &id)?;
        ensure!(tampered == uid, "the patch made another object");
        timed(
            REPAIR,
            &format!("{id} is repaired after {patch}"),
            async || {
                let (now, is) = look(&Snapshot::of(&ns).await?, &ns, &id)?;
                ensure!(now == uid, "it was replaced");
                ensure!(is == shape, "it is {is}");
                Ok(())
            },
        )
        .await?;
        Ok(())
    })
    .await
}

/// Patches an object as somebody else.
async fn tamper<K>(ns: &Namespace, name: &str, patch: &Value) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let params = PatchParams {
        field_manager: Some("somebody".into()),
        ..PatchParams::default()
    };
    ns.api::<K>()
        .patch(name, &params, &Patch::Merge(patch))
        .await?;
    Ok(())
}

/// The uid of an object and everything that it says, but for who said it last.
fn look(all: &Snapshot, ns: &Namespace, id: &str) -> Result<(Option<String>, Value)> {
    let shapes = all.shapes(ns)?;
    let mut shape = shapes.get(id).cloned().unwrap_or_default();
    if let Some(metadata) = shape.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| key != "managedFields" && key != "generation");
    }
    // Counted by the controller-manager for each change of the pod template.
    let annotations = shape
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut);
    annotations.and_then(|map| map.remove("deployment.kubernetes.io/revision"));
    Ok((all.get(id).and_then(ResourceExt::uid), shape))
}

#[tokio::test]
async fn a_repair_is_told_in_an_event() -> Result<()> {
    run("event", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        settled(&ns).await?;
        let patch = json!({"spec": {"selector": {"team": "none"}}});
        tamper::<Service>(&ns, "orders-view", &patch).await?;
        told(
            &ns,
            "orders",
            "DriftRepaired",
            "Service orders-view: spec.selector.team",
        )
        .await
    })
    .await
}

/// The deployment controller writes to a Deployment many times while it rolls out; a repair for a state that is
/// no more is refused, and tried again.
#[tokio::test]
async fn a_repair_that_loses_races_is_no_dispute() -> Result<()> {
    run("races", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        settled(&ns).await?;
        let patch = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}});
        tamper::<Deployment>(&ns, "orders-view-blue", &patch).await?;
        for number in 0..60 {
            let patch =
                json!({"metadata": {"annotations": {"somebody/number": number.to_string()}}});
            tamper::<Deployment>(&ns, "orders-view-blue", &patch).await?;
        }
        timed(REPAIR, "the Deployment is repaired", async || {
            let deployment = ns.api::<Deployment>().get("orders-view-blue").await?;
            let pod = deployment.spec.and_then(|spec| spec.template.spec);
            let grace = pod.and_then(|pod| pod.termination_grace_period_seconds);
            ensure!(grace != Some(7), "it is not");
            Ok(())
        })
        .await?;
        let app = get(&ns, "orders").await?;
        let stalled = condition(&app, STALLED)?;
        ensure!(stalled.status == "False", "{stalled:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_image_of_a_deployment() -> Result<()> {
    let containers = json!([{"name": "view", "image": "example.invalid/intruder:1"}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    repaired::<Deployment>("image", "orders-view-blue", patch).await
}

#[tokio::test]
async fn the_replicas_of_a_deployment() -> Result<()> {
    let patch = json!({"spec": {"replicas": 7}});
    repaired::<Deployment>("replicas", "orders-view-blue", patch).await
}

#[tokio::test]
async fn the_selector_of_a_service() -> Result<()> {
    let patch = json!({"spec": {"selector": {"restapi.dev/environment": "red"}}});
    repaired::<Service>("selector", "orders-view-blue", patch).await
}

#[tokio::test]
async fn a_key_that_narrows_the_selector_of_a_service() -> Result<()> {
    let patch = json!({"spec": {"selector": {"team": "none"}}});
    repaired::<Service>("narrowed", "orders-view", patch).await
}

#[tokio::test]
async fn the_port_of_a_service() -> Result<()> {
    let ports = json!([{"name": "http", "port": 81, "targetPort": "http", "protocol": "TCP"}]);
    repaired::<Service>("port", "orders-view", json!({"spec": {"ports": ports}})).await
}

#[tokio::test]
async fn all_labels_also_that_by_which_the_object_is_watched() -> Result<()> {
    let patch = json!({"metadata": {"labels": null}});
    repaired::<Service>("labels", "orders-view", patch).await
}

#[tokio::test]
async fn the_label_by_which_a_deployment_is_watched() -> Result<()> {
    let patch = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}});
    repaired::<Deployment>("managed-by", "orders-view-blue", patch).await
}

#[tokio::test]
async fn the_label_that_names_the_application() -> Result<()> {
    let patch = json!({"metadata": {"labels": {"app.kubernetes.io/instance": "another"}}});
    repaired::<Deployment>("instance", "orders-view-blue", patch).await
}

#[tokio::test]
async fn the_owner_of_a_deployment() -> Result<()> {
    let patch = json!({"metadata": {"ownerReferences": null}});
    repaired::<Deployment>("owner", "orders-view-blue", patch).await
}

#[tokio::test]
async fn the_owner_and_the_labels_of_a_service() -> Result<()> {
    let patch = json!({"metadata": {"ownerReferences": null, "labels": null}});
    repaired::<Service>("stripped", "orders-view", patch).await
}

#[tokio::test]
async fn the_token_of_a_service_account() -> Result<()> {
    let patch = json!({"automountServiceAccountToken": true});
    repaired::<ServiceAccount>("token", "orders", patch).await
}
