//! A paused application is left as it is, and told about.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use restapi_types::conditions::{READY, RECONCILING, STALLED};
use serde_json::json;
use suites::manager::Manager;
use suites::wait::eventually;

use super::support::apps::{change, condition, create, get, ready, settled, view};
use super::support::{SOON, run};

#[tokio::test]
async fn pausing_stops_writes_and_not_the_status() -> Result<()> {
    run("paused", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        ready(&ns, "orders").await?;
        change(&ns, "orders", &json!({"paused": true})).await?;
        // Nothing differs from the spec, so nothing is wrong.
        ready(&ns, "orders").await?;
        let before = settled(&ns).await?.owned().states();
        change(
            &ns,
            "orders",
            &json!({"replicas": 3, "view": {"args": ["--new"]}}),
        )
        .await?;
        let api = ns.api::<Service>();
        let tampered = json!({"metadata": {"labels": {"app.kubernetes.io/component": "other"}}});
        api.patch(
            "orders-view-blue",
            &PatchParams::default(),
            &Patch::Merge(tampered),
        )
        .await?;
        let tampered = settled(&ns).await?.owned().states();
        eventually(SOON, "status says that it is paused", async || {
            let app = get(&ns, "orders").await?;
            let ready = condition(&app, READY)?;
            ensure!(
                (ready.status.as_str(), ready.reason.as_str()) == ("False", "Paused"),
                "{ready:?}"
            );
            for type_ in [RECONCILING, STALLED] {
                ensure!(condition(&app, type_)?.status == "False", "{type_}");
            }
            Ok(())
        })
        .await?;
        let after = settled(&ns).await?.owned().states();
        ensure!(after == tampered, "something was written");
        ensure!(after.keys().eq(before.keys()), "something was made");
        change(&ns, "orders", &json!({"paused": null})).await?;
        ready(&ns, "orders").await?;
        Ok(())
    })
    .await
}
