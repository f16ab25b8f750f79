//! What selects an application's pods in both environments.
//!
//! Other programs label their pods with `app.kubernetes.io/instance` too, Helm charts first of all, and may have
//! the application's name there. Only the operator's pods have an environment, so every selector asks for one.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use restapi_types::{ComponentName, keys};

/// All pods of the application.
#[must_use]
pub fn application(app: &str) -> LabelSelector {
    with_environment(BTreeMap::from([(
        keys::INSTANCE.to_owned(),
        app.to_owned(),
    )]))
}

/// The pods of one component.
#[must_use]
pub fn component(app: &str, component: ComponentName) -> LabelSelector {
    with_environment(BTreeMap::from([
        (keys::INSTANCE.to_owned(), app.to_owned()),
        (keys::COMPONENT.to_owned(), component.to_string()),
    ]))
}

fn with_environment(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: keys::ENVIRONMENT.to_owned(),
            operator: "Exists".to_owned(),
            values: None,
        }]),
    }
}
