//! Limits on what a namespace may hold.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use suites::namespace::Namespace;
use suites::wait::eventually;

use super::SOON;

/// Limits what the namespace may hold, and waits until the limit is in force.
pub async fn limit(ns: &Namespace, what: &str, most: &str) -> Result<()> {
    let body = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "limit"}, "spec": {"hard": {what: most}},
    });
    let api = ns.api::<ResourceQuota>();
    api.patch(
        "limit",
        &PatchParams::apply("test-suite").force(),
        &Patch::Apply(&body),
    )
    .await?;
    eventually(SOON, "the quota is in force", async || {
        let status = api.get("limit").await?.status.unwrap_or_default();
        let hard = status
            .hard
            .unwrap_or_default()
            .get(what)
            .map(|q| q.0.clone());
        ensure!(
            hard.as_deref() == Some(most) && status.used.is_some(),
            "in force is {hard:?}"
        );
        Ok(())
    })
    .await
}
