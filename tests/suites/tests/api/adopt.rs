//! A Service that served before the RestAPI existed is taken over.
//!
//! Pods and EndpointSlices are played; the counts of Deployments are the controller-manager's. The cluster suite does
//! the same with real ones, under load.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use restapi_types::{RestAPI, conditions, keys};
use serde_json::{Value, json};
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::{eventually, timed};

use super::support::apps::{condition, get, holds, restapi, told, view};
use super::support::{SOON, kubelet, run};

/// The address of the old pods, and that of the RestAPI's own.
const OLD: &str = "198.51.100.1";
const NEW: &str = "198.51.100.2";

/// How long an adoption may take whose pods are ready: ten seconds for connections to end, and looks.
const ADOPTED: Duration = Duration::from_mins(1);

const LEGACY: &str = "shop-frontend";

/// A Deployment and a Service `orders-view` that somebody made by hand, with a pod that serves.
async fn made_by_hand(ns: &Namespace) -> Result<Service> {
    let labels = json!({"app": "shop"});
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "shop", "image": "example.invalid/shop:1"}]},
    });
    let deployment = json!({
        "metadata": {"name": LEGACY},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    });
    let service = json!({
        "metadata": {"name": "orders-view"},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 3000, "targetPort": 8000}]},
    });
    let create = PostParams::default();
    ns.api::<Deployment>()
        .create(&create, &serde_json::from_value(deployment)?)
        .await?;
    let service = ns
        .api::<Service>()
        .create(&create, &serde_json::from_value(service)?)
        .await?;
    kubelet::serve(ns, "orders-view", OLD).await?;
    Ok(service)
}

async fn adopt(ns: &Namespace, value: &str) -> Result<()> {
    let mut object = restapi("orders", &view())?;
    object
        .annotations_mut()
        .insert(keys::ADOPT.to_owned(), value.to_owned());
    let api = ns.api::<RestAPI>();
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

async fn selector(ns: &Namespace) -> Result<Value> {
    let service = ns.api::<Service>().get("orders-view").await?;
    Ok(json!(service.spec.unwrap_or_default().selector))
}

async fn replicas(ns: &Namespace) -> Result<Option<i32>> {
    let old = ns.api::<Deployment>().get(LEGACY).await?;
    Ok(old.spec.and_then(|spec| spec.replicas))
}

#[tokio::test]
async fn a_service_serves_through_every_step() -> Result<()> {
    run("adopt", async |ns| {
        let before = made_by_hand(&ns).await?;
        let manager = Manager::start(&ns, "first").await?;
        adopt(&ns, "view").await?;
        is_taken_as_it_is(&ns, &before).await?;
        // None of the RestAPI's own pods is ready; and the manager is another one from here on.
        manager.kill().await?;
        let manager = Manager::start(&ns, "second").await?;
        let waits = (conditions::RECONCILING, "Adopting");
        holds(&ns, "orders", waits, SOON).await?;
        let still = selector(&ns).await?;
        ensure!(still == json!({"app": "shop"}), "it moved too early");
        moves_when_the_own_pods_are_ready(&ns).await?;
        kubelet::serve(&ns, "orders-view", NEW).await?;
        manager.kill().await?;
        let _manager = Manager::start(&ns, "third").await?;
        the_old_deployment_is_scaled_to_0(&ns).await?;
        is_ready_and_says_what_to_delete(&ns).await?;
        is_called_as_it_was(&ns, &before).await?;
        who_wants_the_old_one_back_gets_it(&ns).await
    })
    .await
}

async fn is_taken_as_it_is(ns: &Namespace, before: &Service) -> Result<()> {
    eventually(SOON, "it is ours and serves as it did", async || {
        let taken = ns.api::<Service>().get("orders-view").await?;
        ensure!(taken.owner_references().len() == 1, "not ours yet");
        ensure!(taken.spec == before.spec, "changed: {:?}", taken.spec);
        Ok(())
    })
    .await
}

async fn moves_when_the_own_pods_are_ready(ns: &Namespace) -> Result<()> {
    kubelet::serve(ns, "orders-view-blue", NEW).await?;
    eventually(SOON, "the selector moves", async || {
        kubelet::run_pods(ns, "orders").await?;
        ensure!(selector(ns).await?[keys::ENVIRONMENT] == "blue", "not yet");
        Ok(())
    })
    .await?;
    eventually(SOON, "it waits for the old pods to leave", async || {
        let app = get(ns, "orders").await?;
        let ready = condition(&app, conditions::READY)?;
        ensure!(
            ready.reason == "Adopting" && ready.message.contains(OLD),
            "{ready:?}"
        );
        Ok(())
    })
    .await?;
    let asked = replicas(ns).await?;
    ensure!(asked == Some(1), "the old pods are still asked");
    Ok(())
}

async fn the_old_deployment_is_scaled_to_0(ns: &Namespace) -> Result<()> {
    let ((), took) = timed(ADOPTED, "the old Deployment is scaled to 0", async || {
        ensure!(replicas(ns).await? == Some(0), "still there");
        Ok(())
    })
    .await?;
    ensure!(
        took > Duration::from_secs(5),
        "only {took:?} to end connections"
    );
    told(ns, "orders", "Replaced", LEGACY).await
}

async fn is_ready_and_says_what_to_delete(ns: &Namespace) -> Result<()> {
    eventually(SOON, "it is Ready, and says what to delete", async || {
        let app = get(ns, "orders").await?;
        let ready = condition(&app, conditions::READY)?;
        ensure!(ready.status == "True", "not Ready");
        let status = json!(app.status);
        let notices = status["components"][0]["notices"].to_string();
        ensure!(
            notices.contains(LEGACY) && notices.contains("delete it"),
            "{notices}"
        );
        Ok(())
    })
    .await
}

/// Under the same address, and its port by the same name.
async fn is_called_as_it_was(ns: &Namespace, before: &Service) -> Result<()> {
    let after = ns.api::<Service>().get("orders-view").await?;
    let of = |service: &Service| {
        let spec = json!(service.spec);
        (spec["clusterIP"].clone(), spec["ports"][0]["name"].clone())
    };
    let (was, is) = (of(before), of(&after));
    ensure!(was == is, "it was {was:?}, and is {is:?}");
    Ok(())
}

async fn who_wants_the_old_one_back_gets_it(ns: &Namespace) -> Result<()> {
    let patch = Patch::Merge(json!({"spec": {"replicas": 2}}));
    ns.api::<Deployment>()
        .patch(LEGACY, &PatchParams::default(), &patch)
        .await?;
    let patch = Patch::Merge(json!({"spec": {"view": {"envVars": {"A": "b"}}}}));
    ns.api::<RestAPI>()
        .patch("orders", &PatchParams::default(), &patch)
        .await?;
    eventually(SOON, "the change is seen", async || {
        let app = get(ns, "orders").await?;
        let seen = app.status.as_ref().and_then(|s| s.observed_generation);
        ensure!(seen == app.metadata.generation, "{seen:?}");
        Ok(())
    })
    .await?;
    ensure!(replicas(ns).await? == Some(2), "it was scaled down again");
    Ok(())
}

#[tokio::test]
async fn what_would_be_noticed_is_refused_with_the_fix() -> Result<()> {
    run("unfit", async |ns| {
        let before = made_by_hand(&ns).await?;
        let ports = Patch::Merge(json!({"spec": {"ports": [{"port": 80, "targetPort": 8000}]}}));
        let api = ns.api::<Service>();
        api.patch("orders-view", &PatchParams::default(), &ports)
            .await?;
        let _manager = Manager::start(&ns, "core").await?;
        adopt(&ns, "all").await?;
        let stalled = (conditions::STALLED, "NotAdoptable");
        let message = holds(&ns, "orders", stalled, SOON).await?;
        ensure!(
            message.contains("set spec.view.service.port: 80"),
            "{message}"
        );
        let left = api.get("orders-view").await?;
        ensure!(left.owner_references().is_empty(), "it was taken");
        ensure!(left.uid() == before.uid(), "it was made anew");
        // What the message says is enough.
        let patch = Patch::Merge(json!({"spec": {"view": {"service": {"port": 80}}}}));
        ns.api::<RestAPI>()
            .patch("orders", &PatchParams::default(), &patch)
            .await?;
        eventually(SOON, "it is taken over", async || {
            let taken = api.get("orders-view").await?;
            ensure!(taken.owner_references().len() == 1, "not yet");
            Ok(())
        })
        .await
    })
    .await
}
