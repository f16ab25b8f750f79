//! What blue/green rests on at the API server, and core-reconciler beside another writer of workloads.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams};
use restapi_types::conditions::RECONCILING;
use restapi_types::keys;
use serde_json::{Value, json};
use suites::manager::Manager;
use suites::namespace::Namespace;

use super::support::apps::{self, change, create, holds, ready, settled};
use super::support::{SOON, run};

fn stable(environment: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "orders-view"},
        "spec": {"selector": {"app": "orders", keys::ENVIRONMENT: environment}, "ports": [{"port": 80}]},
    })
}

async fn apply(ns: &Namespace, body: &Value) -> Result<Service, kube::Error> {
    let params = PatchParams::apply(keys::FIELD_MANAGER_WORKLOADS).force();
    let api = ns.api::<Service>();
    api.patch("orders-view", &params, &Patch::Apply(body)).await
}

/// As bluegreen-manager does it: an annotation in a merge patch that names the state in which the Service was seen.
async fn seal(ns: &Namespace, seen: &Service) -> Result<Service, kube::Error> {
    let mark = json!({"metadata": {
        "uid": seen.uid(), "resourceVersion": seen.resource_version(),
        "annotations": {keys::SEALED: "blue=1,green=0"},
    }});
    let params = PatchParams {
        field_manager: Some(keys::FIELD_MANAGER_WORKLOADS.to_owned()),
        ..PatchParams::default()
    };
    let api = ns.api::<Service>();
    api.patch("orders-view", &params, &Patch::Merge(&mark))
        .await
}

/// A leader that was deposed resumes just before its write of a Service, with a plan from before the seal.
#[tokio::test]
async fn a_switch_that_was_planned_before_the_seal_is_refused_and_the_seal_outlives_every_apply()
-> Result<()> {
    run("seal", async |ns| {
        let seen = apply(&ns, &stable("green")).await?;
        let sealed = seal(&ns, &seen).await?;
        let mut late = stable("blue");
        late["metadata"]["uid"] = json!(seen.uid());
        late["metadata"]["resourceVersion"] = json!(seen.resource_version());
        let refused = apply(&ns, &late).await;
        ensure!(
            matches!(&refused, Err(kube::Error::Api(status)) if status.code == 409),
            "the late switch: {refused:?}"
        );
        let refused = seal(&ns, &seen).await;
        ensure!(
            matches!(&refused, Err(kube::Error::Api(status)) if status.code == 409),
            "a seal from an old view: {refused:?}"
        );
        let applied = apply(&ns, &stable("green")).await?;
        ensure!(
            applied.annotations().get(keys::SEALED) == sealed.annotations().get(keys::SEALED),
            "an apply took the seal away"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn where_nobody_replaces_revisions_that_is_told_and_what_serves_is_left_as_it_is()
-> Result<()> {
    run("alone", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &apps::four()).await?;
        ready(&ns, "orders").await?;
        settled(&ns).await?;
        let all = ListParams::default();
        let generations = async || -> Result<Vec<_>> {
            let deployments = ns.api::<Deployment>().list(&all).await?;
            Ok(deployments.iter().map(|d| (d.name_any(), d.metadata.generation)).collect())
        };
        let before = generations().await?;
        let on = json!({"blueGreen": {}, "image": "example.invalid/app:2", "networkPolicy": {"enabled": false}});
        change(&ns, "orders", &on).await?;
        let limit = Duration::from_secs(2);
        let why = (RECONCILING, "WaitingForBlueGreenManager");
        let message = holds(&ns, "orders", why, limit).await?;
        ensure!(message.contains("installed and runs"), "{message}");
        settled(&ns).await?;
        ensure!(generations().await? == before, "a Deployment was changed");
        let policies = ns.api::<NetworkPolicy>().list(&all).await?;
        ensure!(policies.items.is_empty(), "what stands beside is still core-reconciler's");
        change(&ns, "orders", &json!({"blueGreen": null})).await?;
        ready(&ns, "orders").await?;
        ensure!(generations().await? != before, "it has them again");
        holds(&ns, "orders", (restapi_types::conditions::READY, "Synced"), SOON).await?;
        Ok(())
    })
    .await
}
