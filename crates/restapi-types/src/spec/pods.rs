//! How pods run, where they run, and how they are replaced.

use k8s_openapi::api::core::v1::{
    Lifecycle, PodSecurityContext, SecurityContext, Toleration, TopologySpreadConstraint,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::values::{LABEL, from_to, label_value, pods_or_percent, port, qualified};
use crate::schema::{choice, embedded, keys, list, merged_by, remove, set, with_rules};

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
    validation = Rule::new("self.?type.orValue('') != 'Recreate' || (!has(self.maxSurge) && !has(self.maxUnavailable))")
        .message("strategy.maxSurge and strategy.maxUnavailable have no meaning with type Recreate: remove them"),
    validation = Rule::new("!has(self.maxSurge) || !(string(self.maxSurge) in ['0', '0%']) || (has(self.maxUnavailable) && !(string(self.maxUnavailable) in ['0', '0%']))")
        .message("strategy.maxSurge and strategy.maxUnavailable (0 unless set) are both 0, so nothing could ever be replaced: raise one"),
)]
pub struct StrategySpec {
    /// Whether new pods start before old ones go; `RollingUpdate` unless set.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<StrategyType>")]
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

/// A container's security context. What would be the node's, not the container's, is refused. SELinux is
/// the pod's.
pub(crate) fn security_context(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<SecurityContext>(generator);
    for field in ["windowsOptions", "seLinuxOptions"] {
        remove(&mut schema, &format!("/properties/{field}"));
    }
    identities(&mut schema, &["runAsUser", "runAsGroup"]);
    let name = json!({"maxLength": 32, "pattern": "^[A-Z][A-Z_]*$"});
    for list in ["add", "drop"] {
        let item = format!("/properties/capabilities/properties/{list}/items");
        set(&mut schema, &item, &name);
    }
    with_rules(
        schema,
        &[
            (
                "!self.?privileged.orValue(false) && self.?procMount.orValue('Default') == 'Default'",
                "securityContext must not set privileged, nor another procMount than Default: that is the whole node",
            ),
            (
                "!has(self.capabilities) || !has(self.capabilities.add) || self.capabilities.add.all(c, !c.startsWith('CAP_'))",
                "securityContext.capabilities has names without CAP_: write such as NET_BIND_SERVICE",
            ),
            PROFILES,
        ],
    )
}

const PROFILES: (&str, &str) = (
    "(self.?seccompProfile.?type.orValue('') == 'Localhost') == self.?seccompProfile.?localhostProfile.hasValue() && (self.?appArmorProfile.?type.orValue('') == 'Localhost') == self.?appArmorProfile.?localhostProfile.hasValue()",
    "seccompProfile and appArmorProfile need localhostProfile with type Localhost, and with no other",
);

/// Bounds of who a process is and which profiles confine it, in both security contexts.
fn identities(schema: &mut Schema, ids: &[&str]) {
    let id = from_to(0, i64::from(i32::MAX));
    for field in ids {
        set(schema, &format!("/properties/{field}"), &id);
    }
    let types = json!({"enum": ["RuntimeDefault", "Unconfined", "Localhost"]});
    let file = json!({"maxLength": 256, "pattern": r"^[^/.\x00-\x1f\x7f-\x9f]+([/.][^/.\x00-\x1f\x7f-\x9f]+)*$"});
    for profile in ["seccompProfile", "appArmorProfile"] {
        let profile = format!("/properties/{profile}/properties");
        set(schema, &format!("{profile}/type"), &types);
        set(schema, &format!("{profile}/localhostProfile"), &file);
    }
}

/// A pod's security context. Windows is not supported.
pub(crate) fn pod_security_context(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<PodSecurityContext>(generator);
    for field in ["windowsOptions", "seLinuxChangePolicy"] {
        remove(&mut schema, &format!("/properties/{field}"));
    }
    identities(
        &mut schema,
        &[
            "runAsUser",
            "runAsGroup",
            "fsGroup",
            "supplementalGroups/items",
        ],
    );
    set(&mut schema, "/properties/sysctls", &keys(&["name"]));
    let sysctl = r"^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$";
    for (field, keywords) in [
        (
            "fsGroupChangePolicy",
            json!({"enum": ["Always", "OnRootMismatch"]}),
        ),
        (
            "supplementalGroupsPolicy",
            json!({"enum": ["Merge", "Strict"]}),
        ),
        (
            "sysctls/items/properties/name",
            json!({"minLength": 1, "maxLength": 253, "pattern": sysctl}),
        ),
    ] {
        set(&mut schema, &format!("/properties/{field}"), &keywords);
    }
    with_rules(schema, &[PROFILES])
}

/// What runs after a container's start and before its end. It can't name a host.
pub(crate) fn lifecycle(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<Lifecycle>(generator);
    remove(&mut schema, "/properties/stopSignal");
    for hook in ["preStop", "postStart"] {
        let hook = format!("/properties/{hook}/properties");
        remove(&mut schema, &format!("{hook}/httpGet/properties/host"));
        remove(&mut schema, &format!("{hook}/tcpSocket"));
        for (field, keywords) in hook_fields() {
            set(&mut schema, &format!("{hook}/{field}"), &keywords);
        }
    }
    with_rules(
        schema,
        &[(
            "[has(self.preStop), has(self.postStart)].exists(is, is) && (!has(self.preStop) || [has(self.preStop.exec), has(self.preStop.httpGet), has(self.preStop.sleep)].exists_one(is, is)) && (!has(self.postStart) || [has(self.postStart.exec), has(self.postStart.httpGet), has(self.postStart.sleep)].exists_one(is, is))",
            "lifecycle needs preStop or postStart, and each of them exactly one of exec, httpGet, sleep",
        )],
    )
}

/// Bounds of the fields of a hook.
fn hook_fields() -> [(&'static str, Value); 7] {
    let header = "httpGet/properties/httpHeaders/items/properties/name";
    [
        ("exec", json!({"required": ["command"]})),
        ("exec/properties/command", json!({"minItems": 1})),
        ("sleep/properties/seconds", from_to(0, 86400)),
        ("httpGet/properties/port", port()),
        ("httpGet/properties/path", json!({"maxLength": 512})),
        (
            "httpGet/properties/scheme",
            json!({"enum": ["HTTP", "HTTPS"]}),
        ),
        (header, json!({"pattern": "^[-A-Za-z0-9]+$"})),
    ]
}

/// Taints that pods put up with.
pub(crate) fn tolerations(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = list::<Toleration, 16>(generator);
    let effects = ["", "NoSchedule", "PreferNoSchedule", "NoExecute"];
    for (field, keywords) in [
        ("operator", json!({"enum": ["Exists", "Equal"]})),
        ("effect", json!({"enum": effects})),
        ("key", qualified()),
        ("value", label_value()),
        ("tolerationSeconds", from_to(0, i64::from(i32::MAX))),
    ] {
        set(
            &mut schema,
            &format!("/items/properties/{field}"),
            &keywords,
        );
    }
    with_rules(
        schema,
        &[
            (
                "self.all(t, t.?operator.orValue('') != 'Exists' || t.?value.orValue('') == '')",
                "tolerations[].value has no meaning with operator Exists: remove it",
            ),
            (
                "self.all(t, has(t.key) || t.?operator.orValue('') == 'Exists')",
                "tolerations[].key may be missing only with operator Exists",
            ),
            (
                "self.all(t, !has(t.tolerationSeconds) || t.?effect.orValue('') == 'NoExecute')",
                "tolerations[].tolerationSeconds needs effect NoExecute",
            ),
        ],
    )
}

/// How pods are spread. A constraint counts the component's own pods: it can't select others.
pub(crate) fn topology_spread_constraints(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = merged_by(
        list::<TopologySpreadConstraint, 8>(generator),
        &["topologyKey", "whenUnsatisfiable"],
    );
    remove(&mut schema, "/items/properties/labelSelector");
    for (field, keywords) in spread_fields() {
        set(
            &mut schema,
            &format!("/items/properties/{field}"),
            &keywords,
        );
    }
    with_rules(
        schema,
        &[(
            "self.all(c, !has(c.minDomains) || c.whenUnsatisfiable == 'DoNotSchedule')",
            "topologySpreadConstraints[].minDomains needs whenUnsatisfiable DoNotSchedule",
        )],
    )
}

/// Bounds of the fields of a constraint.
fn spread_fields() -> [(&'static str, Value); 8] {
    let honoured = json!({"enum": ["Honor", "Ignore"]});
    [
        ("maxSkew", from_to(1, 1000)),
        ("minDomains", from_to(1, 1000)),
        ("topologyKey", qualified()),
        (
            "whenUnsatisfiable",
            json!({"enum": ["DoNotSchedule", "ScheduleAnyway"]}),
        ),
        ("nodeAffinityPolicy", honoured.clone()),
        ("nodeTaintsPolicy", honoured),
        ("matchLabelKeys", json!({"maxItems": 8})),
        ("matchLabelKeys/items", qualified()),
    ]
}

/// Where volumes are mounted. Mounts don't propagate: others reach the node's own.
pub(crate) fn volume_mounts(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = merged_by(list::<VolumeMount, 32>(generator), &["mountPath"]);
    for field in ["mountPropagation", "recursiveReadOnly"] {
        remove(&mut schema, &format!("/items/properties/{field}"));
    }
    let inside = r"^[.]?[^/.\x00-\x1f\x7f-\x9f]+((/[.]?|[.])[^/.\x00-\x1f\x7f-\x9f]+)*$";
    for (field, keywords) in [
        ("name", json!({"maxLength": 63, "pattern": LABEL})),
        (
            "mountPath",
            json!({"maxLength": 256, "pattern": "^(/[.]?[-A-Za-z0-9_][-A-Za-z0-9._]*)+$"}),
        ),
        ("subPath", json!({"maxLength": 256, "pattern": inside})),
        ("subPathExpr", json!({"maxLength": 256, "pattern": inside})),
    ] {
        set(
            &mut schema,
            &format!("/items/properties/{field}"),
            &keywords,
        );
    }
    with_rules(
        schema,
        &[(
            "self.all(m, !has(m.subPath) || !has(m.subPathExpr))",
            "volumeMounts[] sets subPath and subPathExpr: keep one of the two",
        )],
    )
}
