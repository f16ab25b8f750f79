//! Limits on what a namespace may hold.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use suites::namespace::Namespace;
use suites::wait::eventually;

use super::SOON;

/// Limits what the namespace may hold, and waits until the limit is in force: known to the API server, with
/// at least `counted` objects counted. Until it has counted what exists, a quota lets more in.
pub async fn limit(ns: &Namespace, what: &str, most: &str, counted: u32) -> Result<()> {
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
        let of = |amounts: Option<BTreeMap<String, Quantity>>| {
            amounts.unwrap_or_default().remove(what).map(|q| q.0)
        };
        let (hard, used) = (of(status.hard), of(status.used));
        let count = used.as_deref().and_then(|used| used.parse::<u32>().ok());
        ensure!(
            hard.as_deref() == Some(most) && count >= Some(counted),
            "in force is {hard:?}, counted are {used:?}"
        );
        Ok(())
    })
    .await
}
