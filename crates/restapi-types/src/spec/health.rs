//! How a component says that it is alive, ready and started.

use k8s_openapi::api::core::v1::Probe;
use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::values::{from_to, port, url_path};
use crate::schema::{embedded, remove, set, with_rules};

/// Health checks of a component: simple settings from which all three probes are made, and each probe in
/// full for what these can't say. What is absent comes from the application's `healthCheck`, then from
/// defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheckSpec {
    /// Whether there are probes at all; true unless set. Without probes a pod serves as soon as it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The path that answers 2xx or 3xx when all is well; `/health` unless set. Only with `protocol: HTTP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "url_path")]
    pub path: Option<String>,
    /// The port that is asked; the component's own unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Seconds from the start of the container to the first question; 0 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub initial_delay_seconds: Option<i32>,
    /// Seconds between two questions; 10 unless set (2 for readiness until the pod is ready).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub period_seconds: Option<i32>,
    /// Seconds after which an answer is too late; 2 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: Option<i32>,
    /// Good answers in a row that make a pod ready; 1 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub success_threshold: Option<i32>,
    /// Bad answers in a row that make a pod unready, or restart its container; 3 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failure_threshold: Option<i32>,
    /// The liveness probe in full, instead of the one made from the settings above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "probe_with_single_success")]
    pub liveness: Option<Probe>,
    /// The readiness probe in full, instead of the one made from the settings above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "readiness")]
    pub readiness: Option<Probe>,
    /// The startup probe in full, instead of the one made from the settings above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "probe_with_single_success")]
    pub startup: Option<Probe>,
}

/// A probe. It can't name a host: it always asks the pod itself.
fn probe(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = embedded::<Probe>(generator);
    remove(&mut schema, "/properties/httpGet/properties/host");
    remove(&mut schema, "/properties/tcpSocket/properties/host");
    for (field, keywords) in fields() {
        set(&mut schema, &format!("/properties/{field}"), &keywords);
    }
    with_rules(
        schema,
        &[(
            "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].exists_one(is, is)",
            "a probe needs exactly one of exec, httpGet, tcpSocket, grpc",
        )],
    )
}

/// Bounds of the fields of a probe.
fn fields() -> [(&'static str, Value); 15] {
    [
        ("initialDelaySeconds", from_to(0, 3600)),
        ("periodSeconds", from_to(1, 3600)),
        ("timeoutSeconds", from_to(1, 300)),
        ("successThreshold", from_to(1, 100)),
        ("failureThreshold", from_to(1, 1000)),
        ("terminationGracePeriodSeconds", from_to(1, 86400)),
        ("exec", json!({"required": ["command"]})),
        ("exec/properties/command", json!({"minItems": 1})),
        ("grpc/properties/port", from_to(1, 65535)),
        ("grpc/properties/service", json!({"maxLength": 253})),
        ("tcpSocket/properties/port", port()),
        ("httpGet/properties/port", port()),
        ("httpGet/properties/path", json!({"maxLength": 512})),
        (
            "httpGet/properties/scheme",
            json!({"enum": ["HTTP", "HTTPS"]}),
        ),
        (
            "httpGet/properties/httpHeaders/items/properties/name",
            json!({"pattern": "^[-A-Za-z0-9]+$"}),
        ),
    ]
}

/// A readiness probe. Only a liveness or startup probe can end a container, and so have a grace period.
fn readiness(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = probe(generator);
    remove(&mut schema, "/properties/terminationGracePeriodSeconds");
    schema
}

/// A probe that one good answer satisfies, as Kubernetes demands of liveness and startup.
fn probe_with_single_success(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = probe(generator);
    set(&mut schema, "/properties/successThreshold", &from_to(1, 1));
    schema
}
