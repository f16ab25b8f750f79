//! A view that somebody deployed by hand is taken over by the RestAPI, under load: no request may be lost.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use restapi_types::{ComponentName, RestAPI, keys};
use serde_json::json;
use suites::app::{App, READY};
use suites::load::Load;
use suites::namespace::Namespace;
use suites::wait::eventually;

use crate::setting;

/// Requests a second, half of them over new connections and half over kept ones.
const RATE: u32 = 50;

/// The Deployment that somebody made by hand.
const BY_HAND: &str = "shop-frontend";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_made_by_hand_is_taken_over_without_a_lost_request() -> Result<()> {
    setting::measured("adopt", async |namespace| {
        let image = setting::demo()?;
        let others = json!({"image": image, "model": {}, "controller": {}, "repository": {}});
        let app = App::create(&namespace, "orders", others).await?;
        app.ready().await?;
        let before = made_by_hand(&namespace, &image).await?;
        app.answers().await?;

        let load = Load::start(
            app.address(ComponentName::View).await?,
            ComponentName::View,
            RATE,
        );
        let adopted = json!({
            "metadata": {"annotations": {keys::ADOPT: "view"}}, "spec": {"view": {}},
        });
        namespace
            .api::<RestAPI>()
            .patch("orders", &PatchParams::default(), &Patch::Merge(adopted))
            .await?;
        let restapi = app.ready().await?;
        only_ours_are_left(&namespace).await?;
        let report = load.stop().await?;
        println!("adopted: {report}");

        let old = namespace.api::<Deployment>().get(BY_HAND).await?;
        assert_eq!(old.spec.and_then(|spec| spec.replicas), Some(0));
        let status = json!(restapi.status).to_string();
        assert!(status.contains(&format!(
            "{BY_HAND} was replaced and scaled to 0: delete it"
        )));
        let after = namespace.api::<Service>().get("orders-view").await?;
        assert_eq!(after.uid(), before.uid());
        assert_eq!(
            after.spec.and_then(|spec| spec.cluster_ip),
            before.spec.and_then(|spec| spec.cluster_ip)
        );
        let views = report.chains().filter_map(|hops| hops.first());
        let versions: BTreeSet<&str> = views.map(|hop| hop.version.as_str()).collect();
        assert!(
            versions.len() == 2 && versions.contains("by-hand"),
            "load came before and after: {versions:?}"
        );
        report.none_lost(200)
    })
    .await
}

/// A view of the demo as somebody deploys it who has no operator: with names, labels and ports of his own.
async fn made_by_hand(namespace: &Namespace, image: &str) -> Result<Service> {
    let labels = json!({"app": BY_HAND});
    let variable = |name: &str, value: &str| json!({"name": name, "value": value});
    let container = json!({
        "name": "frontend", "image": image,
        "env": [
            variable("RESTAPI_COMPONENT", "view"), variable("RESTAPI_PORT", "8000"),
            variable("RESTAPI_ENVIRONMENT", "blue"), variable("RESTAPI_VERSION", "by-hand"),
            variable("CONTROLLER_URL", "http://orders-controller:8081"),
        ],
        "ports": [{"containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    });
    let deployment = json!({
        "metadata": {"name": BY_HAND},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    });
    let service = json!({
        "metadata": {"name": "orders-view"},
        "spec": {"selector": labels, "ports": [{"name": "web", "port": 3000, "targetPort": 8000}]},
    });
    let create = PostParams::default();
    let deployments = namespace.api::<Deployment>();
    let deployment = serde_json::from_value(deployment)?;
    deployments.create(&create, &deployment).await?;
    let service = namespace
        .api::<Service>()
        .create(&create, &serde_json::from_value(service)?)
        .await?;
    eventually(READY, "what was made by hand is ready", async || {
        let status = deployments.get(BY_HAND).await?.status.unwrap_or_default();
        let ready = status.ready_replicas;
        ensure!(ready == Some(2), "{ready:?} are ready");
        Ok(())
    })
    .await?;
    Ok(service)
}

/// Waits until the pods that were made by hand are gone, to the end of their connections.
async fn only_ours_are_left(namespace: &Namespace) -> Result<()> {
    let old = kube::api::ListParams::default().labels(&format!("app={BY_HAND}"));
    let pods = namespace.api::<k8s_openapi::api::core::v1::Pod>();
    eventually(READY, "the old pods are gone", async || {
        let left: Vec<_> = pods
            .list(&old)
            .await?
            .iter()
            .map(kube::ResourceExt::name_any)
            .collect();
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}
