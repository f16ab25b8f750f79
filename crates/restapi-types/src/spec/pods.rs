//! How pods run, where they run, and how they are replaced.

use k8s_openapi::api::core::v1::{
    Lifecycle, PodSecurityContext, SecurityContext, Toleration, TopologySpreadConstraint,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::values::pods_or_percent;
use crate::schema::{embedded, list, remove, with_rules};

/// When the node asks the registry for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// Before every start.
    Always,
    /// When it does not have the image.
    IfNotPresent,
    /// Never.
    Never,
}

impl ImagePullPolicy {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// What a component mostly needs. Each stands for requests and limits, which an explicit `resources`
/// replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ResourceProfile {
    /// Computing: the default of the model.
    CpuIntensive,
    /// Memory: the default of the view.
    MemoryIntensive,
    /// A bit of both: the default of the controller and of additional components.
    Balanced,
    /// Reading and writing: the default of the repository.
    IoIntensive,
}

/// Whether the pods of a component keep away from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AntiAffinity {
    /// They don't.
    None,
    /// On different nodes, if there are enough.
    Preferred,
    /// On different nodes, or they wait.
    Required,
}

/// How old pods are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StrategyType {
    /// New ones first, then the old ones go.
    #[default]
    RollingUpdate,
    /// The old ones go first: the component does not serve in between.
    Recreate,
}

/// How a component's pods are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.type) || self.type != 'Recreate' || (!has(self.maxSurge) && !has(self.maxUnavailable))")
        .message("strategy.maxSurge and strategy.maxUnavailable have no meaning with type Recreate: remove them"),
    validation = Rule::new("!has(self.maxSurge) || !(string(self.maxSurge) in ['0', '0%']) || (has(self.maxUnavailable) && !(string(self.maxUnavailable) in ['0', '0%']))")
        .message("strategy.maxSurge and strategy.maxUnavailable are both 0, so nothing could ever be replaced: raise one (maxUnavailable is 0 unless set)"),
)]
pub struct StrategySpec {
    /// Whether new pods start before old ones go; `RollingUpdate` unless set.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<StrategyType>,
    /// Pods that may be too many meanwhile: a number or a percentage; 1 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pods_or_percent")]
    pub max_surge: Option<IntOrString>,
    /// Pods that may be missing meanwhile: a number or a percentage; 0 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pods_or_percent")]
    pub max_unavailable: Option<IntOrString>,
}

/// A container's security context. What would be the node's, not the container's, is refused.
pub(crate) fn security_context(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<SecurityContext>(generator);
    remove(&mut schema, "/properties/windowsOptions");
    with_rules(
        schema,
        &[(
            "(!has(self.privileged) || !self.privileged) && (!has(self.procMount) || self.procMount == 'Default')",
            "securityContext must not set privileged, nor another procMount than Default: the container would have the whole node",
        )],
    )
}

/// A pod's security context. Windows is not supported.
pub(crate) fn pod_security_context(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<PodSecurityContext>(generator);
    remove(&mut schema, "/properties/windowsOptions");
    schema
}

/// What runs after a container's start and before its end. It can't name a host.
pub(crate) fn lifecycle(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<Lifecycle>(generator);
    for hook in ["preStop", "postStart"] {
        let hook = format!("/properties/{hook}/properties");
        remove(&mut schema, &format!("{hook}/httpGet/properties/host"));
        remove(&mut schema, &format!("{hook}/tcpSocket"));
    }
    with_rules(
        schema,
        &[(
            "[has(self.preStop), has(self.postStart)].exists(is, is) && (!has(self.preStop) || [has(self.preStop.exec), has(self.preStop.httpGet), has(self.preStop.sleep)].exists_one(is, is)) && (!has(self.postStart) || [has(self.postStart.exec), has(self.postStart.httpGet), has(self.postStart.sleep)].exists_one(is, is))",
            "lifecycle needs preStop or postStart, and each of them exactly one of exec, httpGet, sleep",
        )],
    )
}

/// Taints that pods put up with.
pub(crate) fn tolerations(generator: &mut SchemaGenerator) -> Schema {
    with_rules(
        list::<Toleration, 16>(generator),
        &[
            (
                "self.all(t, !has(t.operator) || t.operator in ['Exists', 'Equal'])",
                "tolerations[].operator must be Exists or Equal",
            ),
            (
                "self.all(t, !has(t.effect) || t.effect in ['', 'NoSchedule', 'PreferNoSchedule', 'NoExecute'])",
                "tolerations[].effect must be NoSchedule, PreferNoSchedule or NoExecute",
            ),
            (
                "self.all(t, !has(t.operator) || t.operator != 'Exists' || !has(t.value) || t.value == '')",
                "tolerations[].value has no meaning with operator Exists: remove it",
            ),
            (
                "self.all(t, has(t.key) && t.key != '' || (has(t.operator) && t.operator == 'Exists'))",
                "tolerations[].key may be missing only with operator Exists",
            ),
        ],
    )
}

/// How pods are spread. Without a `labelSelector` a constraint counts the component's own pods.
pub(crate) fn topology_spread_constraints(generator: &mut SchemaGenerator) -> Schema {
    with_rules(
        list::<TopologySpreadConstraint, 8>(generator),
        &[
            (
                "self.all(c, c.maxSkew >= 1)",
                "topologySpreadConstraints[].maxSkew must be at least 1",
            ),
            (
                "self.all(c, c.topologyKey != '')",
                "topologySpreadConstraints[].topologyKey must not be empty: name a label of nodes, such as topology.kubernetes.io/zone",
            ),
            (
                "self.all(c, c.whenUnsatisfiable in ['DoNotSchedule', 'ScheduleAnyway'])",
                "topologySpreadConstraints[].whenUnsatisfiable must be DoNotSchedule or ScheduleAnyway",
            ),
        ],
    )
}

/// Where volumes are mounted.
pub(crate) fn volume_mounts(generator: &mut SchemaGenerator) -> Schema {
    with_rules(
        list::<VolumeMount, 32>(generator),
        &[
            (
                "self.all(m, m.mountPath.startsWith('/') && !m.mountPath.contains('..') && !m.mountPath.contains(':') && m.mountPath != '/')",
                "volumeMounts[].mountPath must be an absolute path below /, without '..' and ':'",
            ),
            (
                "self.all(m, !has(m.subPath) || (!m.subPath.startsWith('/') && !m.subPath.contains('..')))",
                "volumeMounts[].subPath must be a relative path without '..'",
            ),
            (
                "self.all(m, !has(m.mountPropagation) || m.mountPropagation == 'None')",
                "volumeMounts[].mountPropagation must be None: others reach the node's own mounts",
            ),
        ],
    )
}
