//! Persistent storage of a component.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{object_name, quantity};
use crate::schema::choice;

/// Whether a component's pods share one claim or have one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PersistenceMode {
    /// One claim for all pods: a Deployment with a PersistentVolumeClaim `APP-COMPONENT`.
    Shared,
    /// A claim for each pod, which keeps it when it is replaced: a StatefulSet.
    PerReplica,
}

/// How a claim may be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// By the pods of one node.
    ReadWriteOnce,
    /// By one pod.
    ReadWriteOncePod,
    /// By many pods, for reading.
    ReadOnlyMany,
    /// By many pods.
    ReadWriteMany,
}

impl AccessMode {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
            Self::ReadOnlyMany => "ReadOnlyMany",
            Self::ReadWriteMany => "ReadWriteMany",
        }
    }

    /// Whether pods on different nodes can have the claim at the same time.
    #[must_use]
    pub const fn is_many(self) -> bool {
        matches!(self, Self::ReadOnlyMany | Self::ReadWriteMany)
    }
}

/// What becomes of a claim when nothing asks for it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Retention {
    /// The claim is deleted, and with it the data, unless its storage class keeps them.
    Delete,
    /// The claim stays until somebody deletes it; a RestAPI of the same name finds it again.
    Retain,
}

/// Storage that outlives pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("isQuantity(string(self.size)) && quantity(string(self.size)).compareTo(quantity('0')) > 0")
        .message("persistence.size must be a quantity above 0, such as 10Gi"),
    validation = Rule::new("!isQuantity(string(self.size)) || !isQuantity(string(oldSelf.size)) || quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0")
        .message("persistence.size can't shrink, since a claim can't: for less, copy the data to another component"),
    validation = Rule::new("(self.?mode.orValue('') == 'PerReplica') == (oldSelf.?mode.orValue('') == 'PerReplica') && (has(self.accessMode) ? self.accessMode : 'ReadWriteOnce') == (has(oldSelf.accessMode) ? oldSelf.accessMode : 'ReadWriteOnce') && (has(self.storageClassName) ? self.storageClassName : '') == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')")
        .message("persistence.mode, accessMode and storageClassName can't be changed: a claim keeps them; copy the data to another component"),
    validation = Rule::new("self.mountPath.matches('^(/[.]?[-A-Za-z0-9_][-A-Za-z0-9._]*)+$') && !(self.mountPath in ['/tmp', '/dev', '/proc', '/sys', '/etc'])")
        .message("persistence.mountPath must be an absolute path without a part '..' and without '/' at its end, and not /, /tmp, /dev, /proc, /sys or /etc, such as /data"),
)]
pub struct PersistenceSpec {
    /// How much, such as `10Gi`. It can grow where the storage class allows it, and never shrink.
    #[schemars(schema_with = "quantity")]
    pub size: Quantity,
    /// Where the container finds it, such as `/data`.
    #[schemars(length(min = 2, max = 256))]
    pub mount_path: String,
    /// What becomes of the data when the component or the RestAPI is deleted. There is no default: say it.
    pub retention: Retention,
    /// Whether pods share one claim; `Shared` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<PersistenceMode>")]
    pub mode: Option<PersistenceMode>,
    /// How the claim may be mounted; `ReadWriteOnce` unless set. With a shared claim
    /// that one node mounts, an update stops old pods before it starts new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<AccessMode>")]
    pub access_mode: Option<AccessMode>,
    /// The storage class; the cluster's default unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "object_name")]
    pub storage_class_name: Option<String>,
}

impl PersistenceSpec {
    /// Whether pods share one claim, defaults worked out.
    #[must_use]
    pub fn mode(&self) -> PersistenceMode {
        self.mode.unwrap_or(PersistenceMode::Shared)
    }

    /// How the claim may be mounted, defaults worked out.
    #[must_use]
    pub fn access_mode(&self) -> AccessMode {
        self.access_mode.unwrap_or(AccessMode::ReadWriteOnce)
    }
}
