//! A second writer of a field is not fought for ever.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use restapi_types::conditions::STALLED;
use serde_json::json;
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::eventually;

use super::support::apps::{change, create, holds, ready, settled, view};
use super::support::{SOON, run};

const NAME: &str = "orders-view";

/// Writes the field as somebody else.
async fn write(ns: &Namespace) -> Result<()> {
    let params = PatchParams {
        field_manager: Some("other-controller".into()),
        ..PatchParams::default()
    };
    let patch = json!({"metadata": {"annotations": {"restapi.dev/writer": "somebody"}}});
    ns.api::<Service>()
        .patch(NAME, &params, &Patch::Merge(patch))
        .await?;
    Ok(())
}

async fn writer(ns: &Namespace) -> Result<String> {
    let service = ns.api::<Service>().get(NAME).await?;
    let annotations = service.metadata.annotations.unwrap_or_default();
    annotations
        .get("restapi.dev/writer")
        .cloned()
        .context("it is gone")
}

#[tokio::test]
async fn after_three_repairs_the_field_is_left_and_its_writer_is_named() -> Result<()> {
    run("dispute", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        ready(&ns, "orders").await?;
        settled(&ns).await?;
        for _ in 0..3 {
            write(&ns).await?;
            eventually(SOON, "it is put back", async || {
                let now = writer(&ns).await?;
                ensure!(now == "core-reconciler", "{now}");
                Ok(())
            })
            .await?;
        }
        write(&ns).await?;
        let message = holds(&ns, "orders", (STALLED, "Conflict"), Duration::from_secs(5)).await?;
        for part in [
            NAME,
            "metadata.annotations.restapi.dev/writer",
            "other-controller",
        ] {
            ensure!(message.contains(part), "{part} is not named: {message}");
        }
        settled(&ns).await?;
        ensure!(writer(&ns).await? == "somebody", "it was fought for");
        // A new spec ends the truce.
        change(&ns, "orders", &json!({"view": {"replicas": 2}})).await?;
        ready(&ns, "orders").await?;
        ensure!(writer(&ns).await? == "core-reconciler");
        Ok(())
    })
    .await
}
