//! Applications for tests.

use restapi_types::RestAPI;
use serde_json::{Value, json};

/// An application of every shape: with a claim, a claim for each pod, a worker, and all of what authors say.
pub(crate) const FULL: &str = include_str!("fixtures/full.json");

/// An application of the four components, with little said about each.
pub(crate) const SPEC: &str = r#"{
    "image": "orders:1",
    "replicas": 2,
    "envVars": {"LOG_LEVEL": "info", "REGION": "eu"},
    "repository": {"replicas": 1, "args": ["--data-dir=/tmp/data"]},
    "model": {
        "command": ["/demo-app"],
        "envVars": {"LOG_LEVEL": "debug"},
        "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    },
    "controller": {"image": "orders-controller:7"},
    "view": {"port": 3000}
}"#;

/// A stored `RestAPI` named `orders` with that spec.
pub(crate) fn restapi(spec: &str) -> RestAPI {
    let spec: Value = serde_json::from_str(spec).unwrap();
    serde_json::from_value(json!({
        "apiVersion": "restapi.dev/v1alpha1",
        "kind": "RestAPI",
        "metadata": {"name": "orders", "namespace": "shop", "uid": "0000-1111", "generation": 1},
        "spec": spec,
    }))
    .unwrap()
}

/// The application `orders` with that spec, resolved.
pub(crate) fn application(spec: &str) -> crate::Application {
    crate::Application::resolve(&restapi(spec)).unwrap()
}
