//! One component as its author describes it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    EnvFromSource, EnvVar, Lifecycle, PodSecurityContext, SecurityContext, Toleration,
    TopologySpreadConstraint, VolumeMount,
};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::companions::{DisruptionSpec, ServiceAccountSpec};
use super::environment::{env, env_from, env_vars};
use super::health::HealthCheckSpec;
use super::metadata::{annotations, labels, node_selector};
use super::network::{ExtraPort, NetworkPolicySpec, Protocol, ServiceSpec};
use super::opaque::{affinity, containers, pod_overrides, volumes};
use super::pods::{
    AntiAffinity, ImagePullPolicy, ResourceProfile, StrategySpec, lifecycle, pod_security_context,
    security_context, tolerations, topology_spread_constraints, volume_mounts,
};
use super::storage::PersistenceSpec;
use super::values::{image, object_name, words};
use crate::ResourceRequirements;
use crate::schema::{bare, choice, own_list_by_name};

/// One component. What is absent comes from the application's own fields, then from defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.env) || !has(self.envVars) || self.env.all(e, !(e.name in self.envVars))")
        .message("env and envVars set the same name: keep one of the two"),
    validation = Rule::new("self.?port.orValue(1) != 0 || (!has(self.service) && !has(self.protocol) && !self.?exposed.orValue(false))")
        .message("port 0 makes a worker that nobody calls, so service, protocol and exposed have no meaning: remove them, or set a port"),
    validation = Rule::new("!has(self.extraPorts) || self.extraPorts.all(p, self.extraPorts.exists_one(q, q.port == p.port) && p.port != self.?port.orValue(0) && p.port != self.?service.?port.orValue(0))")
        .message("extraPorts holds a number twice, or the component's own port or its Service's: give each port a number of its own"),
    validation = Rule::new("self.?persistence.?mode.orValue('Shared') != 'PerReplica' || !has(self.strategy)")
        .message("strategy has no meaning with persistence.mode PerReplica: a StatefulSet replaces its pods one by one; remove strategy"),
    validation = Rule::new("!has(self.antiAffinity) || !self.?affinity.?podAntiAffinity.hasValue()")
        .message("antiAffinity and affinity.podAntiAffinity say the same thing twice: keep one of the two"),
    validation = Rule::new("!has(self.persistence) || !has(self.volumeMounts) || self.volumeMounts.all(m, m.mountPath != self.persistence.mountPath)")
        .message("volumeMounts holds the path of persistence.mountPath: keep one of the two"),
    validation = Rule::new("!has(self.initContainers) || !has(self.sidecars) || self.initContainers.all(i, self.sidecars.all(s, s.name != i.name))")
        .message("initContainers and sidecars hold the same name: give each container a name of its own"),
    validation = Rule::new("[self.?lifecycle.?preStop.?sleep.?seconds.orValue(0), self.?lifecycle.?postStart.?sleep.?seconds.orValue(0)].all(s, s <= self.?terminationGracePeriodSeconds.orValue(30))")
        .message("lifecycle sleeps longer than terminationGracePeriodSeconds (30 unless set): raise it"),
)]
pub struct ComponentSpec {
    /// The container image; `spec.image` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "image")]
    pub image: Option<String>,

    /// When the node asks the registry; `spec.imagePullPolicy` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<ImagePullPolicy>")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// The program to run instead of the image's entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words")]
    pub command: Option<Vec<String>>,

    /// The program's arguments instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words")]
    pub args: Option<Vec<String>>,

    /// Replicas; `spec.replicas` when absent, and 1 when that is absent too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,

    /// The TCP port that the container listens on. 0, or none of an additional component: a worker that nobody
    /// calls, without a Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub port: Option<i32>,

    /// What the port speaks; `HTTP` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<Protocol>")]
    pub protocol: Option<Protocol>,

    /// Further ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "own_list_by_name::<ExtraPort, 8>")]
    pub extra_ports: Option<Vec<ExtraPort>>,

    /// Whether requests from outside the application may reach it. Unless set: true for the view, for what an Ingress
    /// or a route leads to, and for a Service of type NodePort or LoadBalancer; false for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<bool>,

    /// Environment variables of this component, over those of `spec.envVars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env_vars")]
    pub env_vars: Option<BTreeMap<String, String>>,

    /// Environment variables in Kubernetes' own form, over those of `spec.env`, name by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env")]
    pub env: Option<Vec<EnvVar>>,

    /// ConfigMaps and Secrets whose keys become variables, after those of `spec.envFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env_from")]
    pub env_from: Option<Vec<EnvFromSource>>,

    /// What may reach the pods, and they; over `spec.networkPolicy`, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bare::<NetworkPolicySpec>")]
    pub network_policy: Option<NetworkPolicySpec>,

    /// How many pods a drain may take at once; over `spec.disruption`, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bare::<DisruptionSpec>")]
    pub disruption: Option<DisruptionSpec>,

    /// An account of its own; over `spec.serviceAccount`, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bare::<ServiceAccountSpec>")]
    pub service_account: Option<ServiceAccountSpec>,

    /// What the container is promised and may use at most, instead of what the profile stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,

    /// What the component mostly needs; `CpuIntensive` for the model, `MemoryIntensive` for the view,
    /// `IoIntensive` for the repository, else `Balanced`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<ResourceProfile>")]
    pub resource_profile: Option<ResourceProfile>,

    /// Storage that outlives pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<PersistenceSpec>,

    /// The stable Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceSpec>,

    /// How pods are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategySpec>,

    /// Health checks; over `spec.healthCheck`, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bare::<HealthCheckSpec>")]
    pub health_check: Option<HealthCheckSpec>,

    /// The container's security context, over the restricted one, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "security_context")]
    pub security_context: Option<SecurityContext>,

    /// The pod's security context, over the restricted one, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod_security_context")]
    pub pod_security_context: Option<PodSecurityContext>,

    /// Which nodes and neighbours pods need or avoid, in Kubernetes' own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "affinity")]
    pub affinity: Option<Value>,

    /// Whether pods keep away from each other; `Preferred` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<AntiAffinity>")]
    pub anti_affinity: Option<AntiAffinity>,

    /// How pods are spread over zones and nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "topology_spread_constraints")]
    pub topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,

    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "node_selector")]
    pub node_selector: Option<BTreeMap<String, String>>,

    /// Taints that pods put up with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "tolerations")]
    pub tolerations: Option<Vec<Toleration>>,

    /// The priority class of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "priority_class")]
    pub priority_class_name: Option<String>,

    /// What runs after the container's start and before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "lifecycle")]
    pub lifecycle: Option<Lifecycle>,

    /// Seconds from the request to stop until the kill; 30 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86400))]
    pub termination_grace_period_seconds: Option<i64>,

    /// Volumes, in Kubernetes' own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "volumes")]
    pub volumes: Option<Vec<Value>>,

    /// Where the container finds volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "volume_mounts")]
    pub volume_mounts: Option<Vec<VolumeMount>>,

    /// Containers that run one after the other before the component's own, in Kubernetes' own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "containers")]
    pub init_containers: Option<Vec<Value>>,

    /// Containers that run beside the component's own, in Kubernetes' own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "containers")]
    pub sidecars: Option<Vec<Value>>,

    /// Labels of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "labels")]
    pub pod_labels: Option<BTreeMap<String, String>>,

    /// Annotations of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "annotations")]
    pub pod_annotations: Option<BTreeMap<String, String>>,

    /// A pod template in Kubernetes' own form, merged over the generated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod_overrides")]
    pub pod_overrides: Option<Value>,
}

fn priority_class(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    crate::schema::with_rules(
        object_name(generator),
        &[(
            "!self.startsWith('system-')",
            "priorityClassName must not be a class of the system, which pushes others aside",
        )],
    )
}

/// A component beside the four, with a name of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.name.matches('^[a-z][a-z0-9]*$') && !(self.name in ['model', 'view', 'controller', 'repository', 'blue', 'green'])")
    .message("additionalComponents holds a name that can't be one: at most 15 lower-case letters and digits, a letter first, and none of model, view, controller, repository, blue, green"))]
pub struct AdditionalComponent {
    /// The name: at most 15 lower-case letters and digits, a letter first.
    #[schemars(length(min = 1, max = 15))]
    pub name: String,
    /// The component, with the same fields as the four.
    #[schemars(schema_with = "bare::<ComponentSpec>")]
    pub template: ComponentSpec,
}
