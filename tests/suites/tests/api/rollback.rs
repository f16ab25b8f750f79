//! Going back to an earlier revision without blue and green.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use restapi_types::conditions::{READY, STALLED};
use restapi_types::{RestAPI, keys};
use serde_json::{Value, json};
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::eventually;

use super::support::apps::{self, change, condition, create, get, holds, ready, settled};
use super::support::{SOON, run};

/// Sets the order to go back, or takes it away.
async fn order(ns: &Namespace, revision: Option<&str>) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {keys::ROLLBACK: revision}}});
    let api = ns.api::<RestAPI>();
    api.patch("orders", &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(())
}

async fn args(ns: &Namespace) -> Result<Value> {
    let deployment = ns.api::<Deployment>().get("orders-view-blue").await?;
    let spec = deployment.spec.context("it has no spec")?;
    Ok(json!(spec.template)["spec"]["containers"][0]["args"].clone())
}

async fn runs(ns: &Namespace, word: &str) -> Result<()> {
    eventually(SOON, &format!("the view runs with {word}"), async || {
        let now = args(ns).await?;
        ensure!(now == json!([word]), "{now}");
        Ok(())
    })
    .await
}

fn spec(word: &str) -> Value {
    json!({"image": apps::IMAGE, "view": {"args": [word]}})
}

#[tokio::test]
async fn an_order_goes_back_survives_a_restart_and_ends_with_the_next_spec() -> Result<()> {
    run("rollback", async |ns| {
        let manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &spec("--one")).await?;
        ready(&ns, "orders").await?;
        change(&ns, "orders", &spec("--two")).await?;
        ready(&ns, "orders").await?;
        order(&ns, Some("1")).await?;
        runs(&ns, "--one").await?;
        let message = holds(&ns, "orders", (STALLED, "RevisionHeld"), SOON).await?;
        ensure!(message.contains("revision 2 held, serving 1"), "{message}");
        // What is held is read from the records alone.
        manager.kill().await?;
        let wiped = Patch::Merge(json!({"status": null}));
        let api = ns.api::<RestAPI>();
        api.patch_status("orders", &PatchParams::default(), &wiped)
            .await?;
        let _manager = Manager::start(&ns, "again").await?;
        holds(&ns, "orders", (STALLED, "RevisionHeld"), SOON).await?;
        settled(&ns).await?;
        ensure!(
            args(&ns).await? == json!(["--one"]),
            "the restart went forward"
        );
        // The next spec is tried, though the order is still there.
        change(&ns, "orders", &spec("--three")).await?;
        runs(&ns, "--three").await?;
        let message = holds(&ns, "orders", (STALLED, "RollbackVoid"), SOON).await?;
        ensure!(message.contains("was for revision 2"), "{message}");
        order(&ns, None).await?;
        ready(&ns, "orders").await?;
        ensure!(condition(&get(&ns, "orders").await?, READY)?.status == "True");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_the_order_the_held_revision_is_tried_again() -> Result<()> {
    run("rollback-end", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &spec("--one")).await?;
        ready(&ns, "orders").await?;
        change(&ns, "orders", &spec("--two")).await?;
        ready(&ns, "orders").await?;
        order(&ns, Some("1")).await?;
        runs(&ns, "--one").await?;
        order(&ns, None).await?;
        runs(&ns, "--two").await
    })
    .await
}
