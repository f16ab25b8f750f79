//! The kinds that core-reconciler owns objects of: where they live, who writes them, and how carefully.

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, ResourceQuota, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Resource;
use kube::discovery::ApiResource;
use restapi_resources::third_party::ThirdPartyKind;
use restapi_types::keys;

/// The part that a field manager plays. It is named after the role, not the binary, so that a hand-over
/// between binaries leaves no stale co-owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Workloads, Services, and the revisions and values that they are made from.
    Workloads,
    /// What stands beside the workloads.
    Companions,
    /// Holds the number of replicas while an autoscaler decides it.
    Replicas,
}

impl Role {
    /// The field manager of that role.
    #[must_use]
    pub const fn field_manager(self) -> &'static str {
        match self {
            Self::Workloads => keys::FIELD_MANAGER_WORKLOADS,
            Self::Companions => keys::FIELD_MANAGER_COMPANIONS,
            Self::Replicas => keys::FIELD_MANAGER_REPLICAS,
        }
    }
}

/// A kind of owned objects.
#[derive(Clone, Debug)]
pub struct OwnedKind {
    /// Where its objects live.
    pub resource: ApiResource,
    /// Who writes them.
    pub role: Role,
    /// Whether a cluster may lack it.
    pub is_optional: bool,
}

/// Every kind that core-reconciler owns objects of.
#[must_use]
pub fn owned() -> Vec<OwnedKind> {
    use Role::{Companions, Workloads};
    let built_in = vec![
        built_in::<Deployment>(Workloads),
        built_in::<StatefulSet>(Workloads),
        built_in::<Service>(Workloads),
        built_in::<ConfigMap>(Workloads),
        built_in::<ControllerRevision>(Workloads),
        built_in::<PersistentVolumeClaim>(Workloads),
        built_in::<ServiceAccount>(Companions),
        built_in::<NetworkPolicy>(Companions),
        built_in::<PodDisruptionBudget>(Companions),
        built_in::<Ingress>(Companions),
        built_in::<ResourceQuota>(Companions),
    ];
    let third_party = ThirdPartyKind::ALL.map(|kind| OwnedKind {
        resource: kind.resource(),
        role: Companions,
        is_optional: true,
    });
    built_in.into_iter().chain(third_party).collect()
}

fn built_in<K: Resource<DynamicType = ()>>(role: Role) -> OwnedKind {
    OwnedKind {
        resource: ApiResource::erase::<K>(&()),
        role,
        is_optional: false,
    }
}

/// Whether objects of a kind carry traffic. A late write of these by a manager that does not see the newest
/// state would switch traffic or restart pods, so it must find the object exactly as it was read, and they
/// say which generation they were written for.
#[must_use]
pub fn carries_traffic(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "Service")
}

/// Whether objects of a kind make pods.
#[must_use]
pub fn is_workload(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kinds_are_told_apart_by_name() {
        let all = owned();
        let names: BTreeSet<_> = all.iter().map(|k| k.resource.kind.clone()).collect();
        assert_eq!(names.len(), all.len());
    }
}
