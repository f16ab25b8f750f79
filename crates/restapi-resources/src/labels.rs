//! Labels, selectors and the metadata that every generated object has.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use restapi_types::{ComponentName, Environment, keys};

use crate::Application;

type Labels = BTreeMap<String, String>;

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The labels of everything that an application owns.
#[must_use]
pub fn application(app: &str) -> Labels {
    labels([
        (keys::NAME, keys::NAME_VALUE),
        (keys::INSTANCE, app),
        (keys::PART_OF, app),
        (keys::MANAGED_BY, keys::MANAGED_BY_VALUE),
    ])
}

/// The labels of what belongs to one component, in both environments.
#[must_use]
pub fn component(app: &str, component: ComponentName) -> Labels {
    let mut all = application(app);
    all.insert(keys::COMPONENT.to_owned(), component.to_string());
    all
}

/// The labels of one component's workload and pods in one environment.
#[must_use]
pub fn workload(app: &str, name: ComponentName, environment: Environment) -> Labels {
    let mut all = component(app, name);
    all.insert(keys::ENVIRONMENT.to_owned(), environment.to_string());
    all
}

/// What selects the pods of one component in one environment. Exactly these three keys, so that no two
/// workloads, Services or autoscalers ever see the same pods; a selector can't be changed later.
#[must_use]
pub fn selector(app: &str, component: ComponentName, environment: Environment) -> Labels {
    labels([
        (keys::INSTANCE, app),
        (keys::COMPONENT, component.as_str()),
        (keys::ENVIRONMENT, environment.as_str()),
    ])
}

/// Metadata of an object that the application owns.
#[must_use]
pub fn owned(app: &Application, name: String, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(app.namespace.clone()),
        labels: Some(labels),
        owner_references: Some(vec![app.owner_reference()]),
        ..ObjectMeta::default()
    }
}
