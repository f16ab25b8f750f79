//! Labels, annotations, field managers: every key that managers share, once.

/// Label: the program, always [`PART_OF`]'s application template name (`restapi`).
pub const NAME: &str = "app.kubernetes.io/name";
/// Label: the `RestAPI`'s name. One of the three selector keys.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label: `model`, `view`, `controller` or `repository`. One of the three selector keys.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Label: who made the object, always [`MANAGED_BY_VALUE`]. The watches of all managers select on it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label: the `RestAPI` that the object is a part of.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// Label: `blue` or `green`. One of the three selector keys.
pub const ENVIRONMENT: &str = "restapi.dev/environment";
/// Label on a workload's or Service's own metadata: the generation of the `RestAPI` that it was last
/// written for. A fence: a writer never applies over a newer one.
pub const GENERATION: &str = "restapi.dev/generation";
/// Label on a `ControllerRevision`: the hash of the revision that it records.
pub const REVISION: &str = "restapi.dev/revision";

/// The value of [`NAME`] on everything that is generated.
pub const NAME_VALUE: &str = "restapi";
/// The value of [`MANAGED_BY`] on everything that is generated.
pub const MANAGED_BY_VALUE: &str = "restapi-operator";
/// The value of [`PART_OF`] on the managers' own pods.
pub const MANAGERS_PART_OF: &str = "restapi-operator";
/// The value of [`COMPONENT`] on the managers' own pods.
pub const MANAGERS_COMPONENT: &str = "manager";
/// Label that the API server gives every namespace: its name.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Annotation on stable Services: the manager that writes the workloads.
pub const WRITER: &str = "restapi.dev/writer";
/// Annotation on stable Services: the attempts in each environment that no Service may select any more, as
/// [`crate::Seals`] writes them.
pub const SEALED: &str = "restapi.dev/sealed";
/// Annotation on workloads: the attempt that they belong to, as [`crate::AttemptMark`] writes it.
pub const ATTEMPT: &str = "restapi.dev/attempt";
/// Annotation on Deployments: the version of the rendering that made the pod template.
pub const RENDER_VERSION: &str = "restapi.dev/render-version";
/// Annotation: a hash of what was last applied, so that a field that is no longer wanted is noticed. A label of
/// Deployments as well, which `kubectl rollout undo` does not put back.
pub const APPLIED: &str = "restapi.dev/applied";
/// Label on a Deployment: the hash of its pod template as it was rendered. By it a template is known again, whatever
/// somebody changed in it since.
pub const TEMPLATE: &str = "restapi.dev/template";
/// Annotation on a pod template: the hash of the ConfigMaps and Secrets that the pods refer to.
pub const CONFIG: &str = "restapi.dev/config";
/// Annotation on an Ingress: the cert-manager `ClusterIssuer` that makes its certificate.
pub const CLUSTER_ISSUER: &str = "cert-manager.io/cluster-issuer";
/// Annotation on a Service by which a Prometheus without `PodMonitors` finds metrics: `true`.
pub const SCRAPE: &str = "prometheus.io/scrape";
/// Annotation on a Service: the port of the metrics.
pub const SCRAPE_PORT: &str = "prometheus.io/port";
/// Annotation on a Service: the path of the metrics.
pub const SCRAPE_PATH: &str = "prometheus.io/path";

/// Annotation on workloads: `true` while an autoscaler decides the number of replicas, `false` after it.
pub const REPLICAS: &str = "restapi.dev/replicas-held";
/// Annotation on `RestAPI`s, set by people: go back to the revision of that number, and hold it.
pub const ROLLBACK: &str = "restapi.dev/rollback";
/// Annotation on a `ControllerRevision`: it is held back in favour of the revision of that number.
pub const HELD: &str = "restapi.dev/held";
/// Annotation on `RestAPI`s, set by people: `VERB REVISION ID`, what bluegreen-manager is to do about a revision.
pub const COMMAND: &str = "restapi.dev/command";
/// Annotation on a `ControllerRevision`: the command that was carried out or refused last, `ID ok` or `ID no WHY`.
pub const COMMANDED: &str = "restapi.dev/commanded";
/// Annotation on a `ControllerRevision`: the number of the attempt at it that somebody let serve.
pub const PROMOTED: &str = "restapi.dev/promoted";
/// Annotation on a `ControllerRevision`: `ATTEMPT BEGAN [CONVERGED]`, when the stable Services began to be moved to
/// that attempt, and when all their endpoints were its.
pub const SWITCHED: &str = "restapi.dev/switched";
/// Annotation on a `ControllerRevision`: `SERVING OWN WHY`: it was given up under its number OWN, and the revision
/// SERVING serves instead.
pub const ABORTED: &str = "restapi.dev/aborted";
/// Annotation on a `ControllerRevision`: when somebody had it tried again.
pub const RETRIED: &str = "restapi.dev/retried";
/// Annotation on a `ControllerRevision`: what came of the gates of an attempt at it, as [`crate::GateMarks`] writes it.
pub const GATES: &str = "restapi.dev/gates";
/// Annotation on a `ControllerRevision`: how far the rollout of an attempt at it has come, as [`crate::RolloutMark`]
/// writes it.
pub const ROLLOUT: &str = "restapi.dev/rollout";
/// Annotation on `RestAPI`s, set by people and pipelines: the span that brings a rollout about, as W3C's Trace Context
/// writes it (Kubernetes' KEP-5915).
pub const TRACEPARENT: &str = "tracing.k8s.io/traceparent";
/// Annotation on a `ControllerRevision`, and on the pods of that revision: when somebody had them replaced.
pub const RESTARTED: &str = "restapi.dev/restarted";
/// Label on the pods of a gate's Job: the gate.
pub const GATE: &str = "restapi.dev/gate";
/// Annotation on `RestAPI`s, set by people: what exists already and is to be taken over.
pub const ADOPT: &str = "restapi.dev/adopt";
/// Annotation on a stable Service that was taken over: what it selected before, what its ports are called, and how
/// far the hand-over is.
pub const ADOPTED: &str = "restapi.dev/adopted";
/// Annotation on a Deployment that served before: the stable Service that selects other pods now.
pub const REPLACED: &str = "restapi.dev/replaced";

/// Field manager of Deployments, Services and `ControllerRevisions`, whichever binary writes them.
pub const FIELD_MANAGER_WORKLOADS: &str = "restapi-workloads";
/// Field manager of everything that stands beside the workloads: `ServiceAccounts`, `NetworkPolicies`, budgets,
/// routes, quotas, monitors.
pub const FIELD_MANAGER_COMPANIONS: &str = "restapi-companions";
/// Field manager of core-reconciler's part of the status.
pub const FIELD_MANAGER_STATUS_CORE: &str = "restapi-status-core";
/// Field manager of bluegreen-manager's part of the status.
pub const FIELD_MANAGER_STATUS_BLUEGREEN: &str = "restapi-status-bluegreen";

/// The name under which core-reconciler writes workloads.
pub const CORE_RECONCILER: &str = "core-reconciler";
/// The name under which bluegreen-manager writes workloads.
pub const BLUEGREEN_MANAGER: &str = "bluegreen-manager";

/// Field manager that holds `replicas` of a workload while an autoscaler decides them. It never applies
/// without that field.
pub const FIELD_MANAGER_REPLICAS: &str = "restapi-replicas";

/// Prefix of the environment variables that the operator sets in every pod.
pub const ENV_PREFIX: &str = "RESTAPI_";
