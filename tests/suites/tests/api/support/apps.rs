//! RestAPIs in a test's namespace.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use restapi_types::{Phase, RestAPI, conditions};
use serde_json::{Value, json};
use suites::audit::Snapshot;
use suites::events;
use suites::namespace::Namespace;
use suites::wait::{eventually, unchanged};

use super::{SOON, kubelet};

/// An image that no test ever pulls: there are no nodes.
pub const IMAGE: &str = "example.invalid/app:1";

/// A spec of all four components.
pub fn four() -> Value {
    json!({"image": IMAGE, "model": {}, "view": {}, "controller": {}, "repository": {}})
}

/// A spec of one component.
pub fn view() -> Value {
    json!({"image": IMAGE, "view": {}})
}

/// The RestAPI of that name and spec.
pub fn restapi(name: &str, spec: &Value) -> Result<RestAPI> {
    let object = json!({
        "apiVersion": "restapi.dev/v1alpha1",
        "kind": "RestAPI",
        "metadata": {"name": name},
        "spec": spec,
    });
    Ok(serde_json::from_value(object)?)
}

/// Creates a RestAPI.
pub async fn create(ns: &Namespace, name: &str, spec: &Value) -> Result<RestAPI> {
    let object = restapi(name, spec)?;
    Ok(ns
        .api::<RestAPI>()
        .create(&PostParams::default(), &object)
        .await?)
}

/// The RestAPI as it is now.
pub async fn get(ns: &Namespace, name: &str) -> Result<RestAPI> {
    Ok(ns.api::<RestAPI>().get(name).await?)
}

/// Merges `spec` into the spec of a RestAPI.
pub async fn change(ns: &Namespace, name: &str, spec: &Value) -> Result<RestAPI> {
    let patch = Patch::Merge(json!({"spec": spec}));
    Ok(ns
        .api::<RestAPI>()
        .patch(name, &PatchParams::default(), &patch)
        .await?)
}

/// The condition of that type.
pub fn condition<'a>(app: &'a RestAPI, type_: &str) -> Result<&'a Condition> {
    let conditions = app
        .status
        .as_ref()
        .and_then(|s| s.conditions.as_deref())
        .unwrap_or_default();
    let found = conditions.iter().find(|c| c.type_ == type_);
    found.with_context(|| format!("{} has no condition {type_}", app.name_any()))
}

/// Waits until the condition `type_` is True for that reason, and returns its message.
pub async fn holds(
    ns: &Namespace,
    name: &str,
    (type_, reason): (&str, &str),
    limit: Duration,
) -> Result<String> {
    eventually(
        limit,
        &format!("{name}: {type_} is True because of {reason}"),
        async || {
            let app = get(ns, name).await?;
            let found = condition(&app, type_)?;
            let said = &condition(&app, conditions::READY)?.message;
            ensure!(
                found.status == "True" && found.reason == reason,
                "{found:?}; Ready says: {said}"
            );
            Ok(found.message.clone())
        },
    )
    .await
}

/// Waits until a RestAPI is Ready for its newest generation, playing the kubelet for its pods.
pub async fn ready(ns: &Namespace, name: &str) -> Result<RestAPI> {
    eventually(SOON, &format!("{name} is Ready"), async || {
        kubelet::run_pods(ns, name).await?;
        let app = get(ns, name).await?;
        let status = app.status.clone().unwrap_or_default();
        let is_current = status.observed_generation == app.metadata.generation;
        let ready = condition(&app, conditions::READY)?;
        ensure!(
            is_current && status.phase == Some(Phase::Ready),
            "{:?}: {ready:?}",
            status.phase
        );
        Ok(app)
    })
    .await
}

/// Waits until the status speaks of the newest generation.
pub async fn observed(ns: &Namespace, name: &str) -> Result<RestAPI> {
    eventually(
        SOON,
        &format!("{name}: status speaks of the newest generation"),
        async || {
            let app = get(ns, name).await?;
            let observed = app.status.as_ref().and_then(|s| s.observed_generation);
            ensure!(
                observed == app.metadata.generation,
                "{observed:?} of {:?}",
                app.metadata.generation
            );
            Ok(app)
        },
    )
    .await
}

/// Waits until the status of each RestAPI speaks of its newest generation and nothing that exists in the
/// namespace has changed for 1.5 s, and returns what exists.
pub async fn settled(ns: &Namespace) -> Result<Snapshot> {
    settled_within(ns, SOON).await
}

/// As [`settled`], with another limit.
pub async fn settled_within(ns: &Namespace, limit: Duration) -> Result<Snapshot> {
    eventually(
        limit,
        "every status speaks of the newest generation",
        async || {
            for app in ns.api::<RestAPI>().list(&ListParams::default()).await? {
                let observed = app.status.as_ref().and_then(|s| s.observed_generation);
                ensure!(
                    observed == app.metadata.generation,
                    "{}: {observed:?}",
                    app.name_any()
                );
                let ready = condition(&app, conditions::READY)?;
                ensure!(
                    ready.reason != "Applying",
                    "{}: {}",
                    app.name_any(),
                    ready.message
                );
            }
            Ok(())
        },
    )
    .await?;
    quiet(ns, limit).await
}

/// Waits until nothing that exists in the namespace has changed for 1.5 s, and returns what exists.
pub async fn quiet(ns: &Namespace, limit: Duration) -> Result<Snapshot> {
    let time = Duration::from_millis(1500);
    unchanged(time, limit, "the namespace's objects", async || {
        Snapshot::of(ns).await
    })
    .await
}

/// Waits for an event about a RestAPI with that reason, whose note holds `part`.
pub async fn told(ns: &Namespace, name: &str, reason: &str, part: &str) -> Result<()> {
    events::told(ns, name, reason, &[part], SOON).await
}
