//! Storage that outlives pods: shared by all, or one for each; and what becomes of it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use restapi_types::{ComponentName, RestAPI};
use serde_json::{Value, json};
use suites::app::{App, four, told};
use suites::namespace::Namespace;
use suites::wait::eventually;
use suites::{http, pods};

use crate::setting;

/// How long the garbage collector and the kubelets may take.
const GONE: Duration = Duration::from_secs(90);

fn persistence(mode: &str, retention: &str) -> Value {
    json!({"size": "64Mi", "mountPath": "/data", "retention": retention, "mode": mode})
}

/// Four components, the repository with storage at `/data`, where it keeps its orders.
fn spec(image: &str, persistence: &Value) -> Value {
    let mut spec = four(image);
    spec["repository"] =
        json!({"persistence": persistence, "envVars": {"DEMO_DATA_DIR": "/data/orders"}});
    spec
}

async fn claims(namespace: &Namespace) -> Result<Vec<String>> {
    let claims = namespace.api::<PersistentVolumeClaim>();
    let all = claims.list(&ListParams::default()).await?;
    Ok(all.iter().map(ResourceExt::name_any).collect())
}

async fn deleted(app: &App) -> Result<()> {
    let api = app.namespace.api::<RestAPI>();
    api.delete(&app.name, &DeleteParams::default()).await?;
    eventually(GONE, "no pod is left", async || {
        let pods = app.pods(None).await?;
        ensure!(pods.is_empty(), "{} are", pods.len());
        Ok(())
    })
    .await
}

/// Makes an order and returns its path.
async fn order(app: &App) -> Result<String> {
    let address = app.address(ComponentName::View).await?;
    let url = format!("http://{address}/api/orders");
    let order = json!({"item": "lamp", "quantity": 2, "priceCents": 1250});
    let (code, text) = http::post(&url, &order).await?;
    ensure!(code == 201, "POST {url} answers {code}: {text}");
    let made: Value = serde_json::from_str(&text)?;
    let id = made["order"]["id"].as_str().context("no id")?;
    Ok(format!("/api/orders/{id}"))
}

#[tokio::test]
async fn a_shared_claim_keeps_the_data_over_an_update_which_is_said_to_interrupt() -> Result<()> {
    setting::shared("shared-claim", async |namespace| {
        let shared = persistence("Shared", "Delete");
        let app = App::create(&namespace, "orders", spec(&setting::demo()?, &shared)).await?;
        let ready = app.ready().await?;
        app.answers().await?;
        let components = ready
            .status
            .unwrap_or_default()
            .components
            .unwrap_or_default();
        let repository = components.iter().find(|c| c.name == "repository");
        let notices = repository
            .and_then(|c| c.notices.clone())
            .unwrap_or_default();
        ensure!(
            notices
                .iter()
                .any(|n| n.contains("an update stops the old pods")),
            "{notices:?}"
        );
        let order = order(&app).await?;
        let before = app.pods(Some("repository")).await?;
        app.change(json!({"repository": {"args": ["--max-orders=1000"]}}))
            .await?;
        app.ready().await?;
        app.answers().await?;
        let after = app.pods(Some("repository")).await?;
        ensure!(
            pods::version(&before[0]) != pods::version(&after[0]),
            "no pod was replaced"
        );
        let read = app.get(&order).await?;
        ensure!(read["order"]["totalCents"] == 2500, "{read}");
        deleted(&app).await?;
        eventually(GONE, "the claim goes with the RestAPI", async || {
            let left = claims(&namespace).await?;
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
async fn a_retained_claim_per_replica_stays_and_is_found_again() -> Result<()> {
    setting::shared("own-claims", async |namespace| {
        let own = persistence("PerReplica", "Retain");
        let spec = spec(&setting::demo()?, &own);
        let app = App::create(&namespace, "orders", spec.clone()).await?;
        app.ready().await?;
        app.answers().await?;
        let order = order(&app).await?;
        app.change(json!({"repository": {"replicas": 2}})).await?;
        app.ready().await?;
        let expected = [
            "data-orders-repository-blue-0",
            "data-orders-repository-blue-1",
        ];
        ensure!(
            claims(&namespace).await? == expected,
            "{:?}",
            claims(&namespace).await?
        );
        deleted(&app).await?;
        ensure!(
            claims(&namespace).await? == expected,
            "{:?}",
            claims(&namespace).await?
        );
        let again = App::create(&namespace, "orders", spec).await?;
        again.ready().await?;
        again.answers().await?;
        let read = again.get(&order).await?;
        ensure!(read["order"]["totalCents"] == 2500, "{read}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn storage_that_can_t_grow_is_told_and_what_serves_goes_on() -> Result<()> {
    setting::shared("growth", async |namespace| {
        let shared = persistence("Shared", "Delete");
        let app = App::create(&namespace, "orders", spec(&setting::demo()?, &shared)).await?;
        app.ready().await?;
        app.answers().await?;
        app.change(json!({"repository": {"persistence": {"size": "128Mi"}}}))
            .await?;
        let what = "says that the storage class can't";
        let message = app
            .until(what, Duration::from_secs(10), |restapi| {
                let (reason, message) = told(restapi, "Stalled")?;
                (reason == "WriteRefused").then_some(message)
            })
            .await?;
        ensure!(
            message.contains("PersistentVolumeClaim orders-repository"),
            "{message}"
        );
        app.answers().await?;
        // Without storage there is no folder to keep orders in.
        app.change(json!({"repository": {"persistence": null, "envVars": null}}))
            .await?;
        app.ready().await.map(drop)
    })
    .await
}
