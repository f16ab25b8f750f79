//! What stands beside the workloads: budgets, accounts, quotas, monitoring.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::metadata::{annotations, labels};
use super::values::{pods_or_percent, url_path};
use crate::schema::choice;

/// Whether pods that are not ready may be evicted although the budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnhealthyPodEvictionPolicy {
    /// Always: a broken pod never holds up a drain.
    AlwaysAllow,
    /// Only while enough others are healthy.
    IfHealthyBudget,
}

impl UnhealthyPodEvictionPolicy {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlwaysAllow => "AlwaysAllow",
            Self::IfHealthyBudget => "IfHealthyBudget",
        }
    }
}

/// How many pods a drain may take away at once. A component that wants fewer than two pods has no budget,
/// since it could never be drained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.minAvailable) || !has(self.maxUnavailable)")
    .message("disruption sets minAvailable and maxUnavailable: keep one of the two"))]
pub struct DisruptionSpec {
    /// Whether there is a budget; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Pods that must stay: a number or a percentage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pods_or_percent")]
    pub min_available: Option<IntOrString>,
    /// Pods that may be missing: a number or a percentage; 1 unless one of the two is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pods_or_percent")]
    pub max_unavailable: Option<IntOrString>,
    /// Whether pods that are not ready may always be evicted; `AlwaysAllow` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<UnhealthyPodEvictionPolicy>")]
    pub unhealthy_pod_eviction_policy: Option<UnhealthyPodEvictionPolicy>,
}

/// The ServiceAccount that pods run as. The operator makes it; an existing one can't be named, because
/// whoever may write a RestAPI would then have its rights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountSpec {
    /// Annotations of the account, by which clouds give it rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "annotations")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Whether pods get a token for the API server; false unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automount_token: Option<bool>,
}

/// A ResourceQuota for the namespace of the application. It counts everything in the namespace, not only
/// the application: use it where the application has the namespace to itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceQuotaSpec {
    /// Whether there is a quota; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The limits, by what they limit, such as `requests.cpu`, `limits.memory` or `pods`.
    #[schemars(schema_with = "hard")]
    pub hard: BTreeMap<String, Quantity>,
}

fn hard(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 32,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "maxLength": 32
        },
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, k in ['cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'pods', 'services', 'services.nodeports', 'services.loadbalancers', 'secrets', 'configmaps', 'persistentvolumeclaims', 'replicationcontrollers', 'resourcequotas'] || (k.contains('/') && !format.qualifiedName().validate(k).hasValue()))",
                "message": "resourceQuota.hard holds a key that names no resource: write such as requests.cpu, limits.memory, pods or count/jobs.batch"
            },
            {
                "rule": "self.all(k, isQuantity(string(self[k])) && quantity(string(self[k])).compareTo(quantity('0')) >= 0)",
                "message": "resourceQuota.hard holds a value that is no quantity of 0 or more: write such as 4, 500m or 8Gi"
            },
            {
                "rule": "self.all(k, k.contains('cpu') || k.contains('memory') || k.contains('storage') || !isQuantity(string(self[k])) || quantity(string(self[k])).isInteger())",
                "message": "resourceQuota.hard counts objects with a number that is not whole: write such as 10"
            }
        ]
    })
}

/// How metrics are collected: a PodMonitor where the cluster knows these, annotations on Services elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitoringSpec {
    /// Whether metrics are collected; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The path of the metrics; `/metrics` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "url_path")]
    pub path: Option<String>,
    /// Seconds between two collections; 30 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 3600))]
    pub interval_seconds: Option<i32>,
    /// Labels of the PodMonitor, by which a Prometheus chooses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "labels")]
    pub labels: Option<BTreeMap<String, String>>,
}
