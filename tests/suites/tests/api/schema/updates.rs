//! What may not be changed in a stored object.

use anyhow::{Context, Result, ensure};
use kube::api::{Patch, PatchParams};
use restapi_types::RestAPI;
use serde_json::{Value, json};
use suites::namespace::Namespace;

use super::super::support::{self, apps};
use crate::support::apps::IMAGE;

/// The rules that compare with the stored object.
pub const RULES: [&str; 2] = [SHRINKS, CHANGED];

const SHRINKS: &str = "persistence.size can't shrink, since a claim can't: for less, copy the data to another component";
const CHANGED: &str = "persistence.mode, accessMode and storageClassName can't be changed: a claim keeps them; copy the data to another component";

/// Changes of a claim of 10Gi, and the message of those that are refused.
fn changes() -> Vec<(Value, Option<&'static str>)> {
    vec![
        (json!({"size": "10Gi"}), None),
        (json!({"size": "10240Mi"}), None),
        (json!({"size": "11Gi"}), None),
        (json!({"size": 10_737_418_241_i64}), None),
        (json!({"size": "9Gi"}), Some(SHRINKS)),
        (json!({"size": "10G"}), Some(SHRINKS)),
        (json!({"size": 1}), Some(SHRINKS)),
        (
            json!({"mountPath": "/elsewhere", "retention": "Delete"}),
            None,
        ),
        // Saying what was meant is no change.
        (
            json!({"mode": "Shared", "accessMode": "ReadWriteOnce"}),
            None,
        ),
        (json!({"mode": "PerReplica"}), Some(CHANGED)),
        (json!({"accessMode": "ReadWriteMany"}), Some(CHANGED)),
        (json!({"storageClassName": "slow"}), Some(CHANGED)),
        (json!({"storageClassName": null}), Some(CHANGED)),
    ]
}

/// The refusal of a change, nothing when it is accepted.
async fn refusal(ns: &Namespace, change: &Value) -> Result<Option<String>> {
    let params = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"spec": change}));
    match ns.api::<RestAPI>().patch("orders", &params, &patch).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(Some(status.message.clone())),
        Err(other) => Err(other.into()),
    }
}

#[tokio::test]
async fn a_claim_grows_and_changes_in_no_other_way() -> Result<()> {
    support::run("updates", async |ns| {
        let claim = json!({"size": "10Gi", "mountPath": "/data", "retention": "Retain", "storageClassName": "fast"});
        let view = json!({"persistence": claim});
        let worker = json!({"name": "worker", "template": {"persistence": claim}});
        let spec = json!({"image": IMAGE, "view": view, "additionalComponents": [worker]});
        apps::create(&ns, "orders", &spec).await?;
        for (change, message) in changes() {
            let said = refusal(&ns, &json!({"view": {"persistence": change}})).await?;
            ensure!(
                said.is_some() == message.is_some(),
                "{change}: wanted {message:?}, got {said:?}"
            );
            let (said, message) = (said.unwrap_or_default(), message.unwrap_or_default());
            ensure!(said.contains(message), "{change}: {said}");
        }
        // A list that merges by name is compared by name.
        let smaller = json!({"name": "worker", "template": {"persistence": {"size": "1Gi", "mountPath": "/data", "retention": "Retain", "storageClassName": "fast"}}});
        let said = refusal(&ns, &json!({"additionalComponents": [smaller]})).await?;
        let said = said.context("a smaller claim of an additional component is accepted")?;
        ensure!(said.contains(SHRINKS), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn whether_there_is_a_claim_can_change() -> Result<()> {
    support::run("claims", async |ns| {
        apps::create(&ns, "orders", &apps::view()).await?;
        let claim = json!({"size": "10Gi", "mountPath": "/data", "retention": "Retain"});
        let added = refusal(&ns, &json!({"view": {"persistence": claim}})).await?;
        ensure!(added.is_none(), "{added:?}");
        apps::change(&ns, "orders", &json!({"view": {"persistence": claim}})).await?;
        let removed = refusal(&ns, &json!({"view": {"persistence": null}})).await?;
        ensure!(removed.is_none(), "{removed:?}");
        Ok(())
    })
    .await
}
