//! The kinds that managers own objects of: where they live, who writes them, and how carefully.

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use kube::Resource;
use kube::discovery::ApiResource;
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

/// The kinds that the writer of workloads owns objects of.
#[must_use]
pub fn of_workloads() -> Vec<OwnedKind> {
    use Role::Workloads;
    vec![
        built_in::<Deployment>(Workloads),
        built_in::<StatefulSet>(Workloads),
        built_in::<Service>(Workloads),
        built_in::<ConfigMap>(Workloads),
        built_in::<ControllerRevision>(Workloads),
        built_in::<PersistentVolumeClaim>(Workloads),
    ]
}

/// A kind that every cluster has.
#[must_use]
pub fn built_in<K: Resource<DynamicType = ()>>(role: Role) -> OwnedKind {
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
