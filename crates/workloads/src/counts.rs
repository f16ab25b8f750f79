//! What a workload says about its pods: a Deployment and a StatefulSet alike.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DeploymentCondition;
use kube::core::DynamicObject;
use serde_json::Value;

/// The counts of a workload's status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Whether the status speaks of the newest spec.
    pub is_seen: bool,
    /// How many pods its spec asks for.
    pub wanted: i32,
    /// Pods, ready or not.
    pub replicas: i32,
    /// Pods of the newest template.
    pub updated: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Pods that have been ready for long enough.
    pub available: i32,
}

impl Counts {
    /// The counts of a workload as it is.
    #[must_use]
    pub fn of(workload: &DynamicObject) -> Self {
        let count = |field: &str| {
            let value = workload.data.pointer(&format!("/status/{field}"));
            let value = value.and_then(Value::as_i64).unwrap_or(0);
            i32::try_from(value).unwrap_or(i32::MAX)
        };
        let wanted = workload.data.pointer("/spec/replicas");
        let wanted = wanted.and_then(Value::as_i64).unwrap_or(1);
        let observed = workload.data.pointer("/status/observedGeneration");
        Self {
            is_seen: observed.and_then(Value::as_i64) >= workload.metadata.generation,
            wanted: i32::try_from(wanted).unwrap_or(i32::MAX),
            replicas: count("replicas"),
            updated: count("updatedReplicas"),
            ready: count("readyReplicas"),
            available: count("availableReplicas"),
        }
    }

    /// Whether every pod is of the newest template, and there are as many as are asked for.
    #[must_use]
    pub fn is_rolled_out(&self) -> bool {
        self.is_seen && self.updated == self.wanted && self.replicas == self.wanted
    }

    /// Whether in addition all of them are available.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.is_rolled_out() && self.available == self.wanted
    }
}

/// The condition of a Deployment of that type and status. StatefulSets have none.
#[must_use]
pub fn condition(
    workload: &DynamicObject,
    type_: &str,
    status: &str,
) -> Option<DeploymentCondition> {
    let conditions = workload.data.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .filter_map(|c| serde_json::from_value::<DeploymentCondition>(c.clone()).ok())
        .find(|c| c.type_ == type_ && c.status == status)
}

/// When a Deployment's new pods had last replaced its old ones.
#[must_use]
pub fn deployed_at(workload: &DynamicObject) -> Option<Timestamp> {
    let progressing = condition(workload, "Progressing", "True")?;
    let is_done = progressing.reason.as_deref() == Some("NewReplicaSetAvailable");
    let time = progressing.last_update_time.as_ref()?.0;
    is_done.then_some(time)
}
