//! Objects for tests, as the API server would return them.

use restapi_resources::surroundings::Surroundings;
use restapi_types::RestAPI;
use serde_json::{Value, json};

/// A stored `RestAPI` `shop/orders` of generation 1 with that spec.
///
/// # Panics
/// When it can't be read as one.
#[allow(clippy::unwrap_used)]
#[must_use]
pub fn restapi(spec: &Value) -> RestAPI {
    serde_json::from_value(json!({
        "apiVersion": "restapi.dev/v1alpha1",
        "kind": "RestAPI",
        "metadata": {
            "name": "orders", "namespace": "shop", "uid": "owner-uid", "generation": 1, "resourceVersion": "1"
        },
        "spec": spec,
    }))
    .unwrap()
}

/// Managers in `restapi-system`, and nothing else.
#[must_use]
pub fn surroundings() -> Surroundings {
    Surroundings {
        managers_namespace: "restapi-system".to_owned(),
        monitoring_namespace: None,
        otlp: None,
    }
}
