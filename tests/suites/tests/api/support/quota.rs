//! Limits on what a namespace may hold.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::core::v1::{PodTemplate, ResourceQuota};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use suites::namespace::Namespace;
use suites::wait::eventually;

use super::SOON;

/// What no test makes: that it is refused shows that the API server applies the quota.
const PROBE: &str = "count/podtemplates";

/// Limits what the namespace may hold, and waits until the limit is in force, with at least `counted` objects
/// counted. Until the quota's status says what it counts, and the API server's own cache holds that status, it
/// lets everything in.
pub async fn limit(ns: &Namespace, what: &str, most: &str, counted: u32) -> Result<()> {
    let body = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "limit"}, "spec": {"hard": {what: most, PROBE: "0"}},
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
        is_applied(ns).await
    })
    .await
}

async fn is_applied(ns: &Namespace) -> Result<()> {
    let probe = serde_json::from_value::<PodTemplate>(json!({
        "metadata": {"name": "probe"},
        "template": {"spec": {"containers": [{"name": "c", "image": "example.invalid/c:1"}]}},
    }))?;
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match ns.api::<PodTemplate>().create(&dry_run, &probe).await {
        Err(kube::Error::Api(refusal)) if refusal.message.contains("exceeded quota") => Ok(()),
        other => bail!("the API server does not apply it yet: {other:?}"),
    }
}
