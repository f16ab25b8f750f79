//! Which field manager owns what.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use kube::api::{DynamicObject, Patch, PatchParams};
use restapi_types::{RestAPI, conditions};
use serde_json::{Value, json};
use suites::manager::Manager;
use suites::namespace::Namespace;

use super::support::apps::{self, condition, create, four, get, ready, settled};
use super::support::run;

#[tokio::test]
async fn every_object_is_owned_by_the_manager_of_its_role_and_no_other() -> Result<()> {
    run("owners", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &four()).await?;
        ready(&ns, "orders").await?;
        let all = settled(&ns).await?;
        ensure!(
            all.ids().len() == 1 + 1 + 1 + 4 * 4,
            "exist: {:?}",
            all.ids()
        );
        for (id, object) in all.iter() {
            let expected: &[&str] = match id.split('/').next() {
                Some("RestAPI") => &["restapi-status-core"],
                Some("ServiceAccount" | "NetworkPolicy") => &["restapi-companions"],
                _ => &["restapi-workloads"],
            };
            let ours: Vec<&str> = managers(object)
                .filter(|manager| manager.starts_with("restapi-"))
                .collect();
            ensure!(ours == expected, "{id} is owned by {ours:?}");
            ensure!(
                applied(object),
                "{id} was not written by server-side apply alone"
            );
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn core_owns_nothing_but_status_of_a_restapi() -> Result<()> {
    run("spec", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &apps::view()).await?;
        let app = ready(&ns, "orders").await?;
        let fields = owned_fields(&app, "restapi-status-core")?;
        let parts: Vec<&String> = fields.as_object().context("no fields")?.keys().collect();
        ensure!(parts == ["f:status"], "core owns {fields}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_condition_of_another_manager_survives_and_stays_its_own() -> Result<()> {
    run("conditions", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &apps::view()).await?;
        ready(&ns, "orders").await?;
        say_healthy(&ns, "orders").await?;
        // A new generation moves every condition of core's.
        apps::change(&ns, "orders", &json!({"view": {"replicas": 2}})).await?;
        ready(&ns, "orders").await?;
        let app = get(&ns, "orders").await?;
        let healthy = condition(&app, "Healthy")?;
        ensure!(healthy.message == "all probes answer", "{healthy:?}");
        let owner = |type_: &str| format!("k:{{\"type\":\"{type_}\"}}");
        let core = owned_fields(&app, "restapi-status-core")?
            .to_string()
            .replace('\\', "");
        ensure!(
            !core.contains(&owner("Healthy")),
            "core owns Healthy: {core}"
        );
        ensure!(
            core.contains(&owner(conditions::READY)),
            "core does not own Ready: {core}"
        );
        let health = owned_fields(&app, "restapi-status-health")?
            .to_string()
            .replace('\\', "");
        ensure!(
            health.contains(&owner("Healthy")),
            "Healthy lost its owner: {health}"
        );
        Ok(())
    })
    .await
}

/// Writes the condition Healthy as another manager would.
async fn say_healthy(ns: &Namespace, name: &str) -> Result<()> {
    let healthy = json!({
        "type": "Healthy", "status": "True", "reason": "ProbesAnswer", "message": "all probes answer",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let body = json!({
        "apiVersion": "restapi.dev/v1alpha1",
        "kind": "RestAPI",
        "metadata": {"name": name},
        "status": {"conditions": [healthy]},
    });
    let params = PatchParams::apply("restapi-status-health").force();
    ns.api::<RestAPI>()
        .patch_status(name, &params, &Patch::Apply(body))
        .await?;
    Ok(())
}

fn managers(object: &DynamicObject) -> impl Iterator<Item = &str> {
    object
        .managed_fields()
        .iter()
        .filter_map(|entry| entry.manager.as_deref())
}

/// Whether all that the operator wrote, it wrote by server-side apply.
fn applied(object: &DynamicObject) -> bool {
    let ours = object.managed_fields().iter().filter(|entry| {
        entry
            .manager
            .as_deref()
            .is_some_and(|manager| manager.starts_with("restapi-"))
    });
    ours.clone().count() > 0
        && ours
            .into_iter()
            .all(|e| e.operation.as_deref() == Some("Apply"))
}

/// The fields that `manager` owns.
fn owned_fields(app: &RestAPI, manager: &str) -> Result<Value> {
    let entry = app
        .managed_fields()
        .iter()
        .find(|e| e.manager.as_deref() == Some(manager));
    let fields = entry.and_then(|entry| entry.fields_v1.as_ref());
    Ok(fields
        .with_context(|| format!("{manager} owns nothing"))?
        .0
        .clone())
}
