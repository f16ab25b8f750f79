//! How many pods of a component a drain may take away at once.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::spec::companions::{DisruptionSpec, UnhealthyPodEvictionPolicy};
use restapi_types::{Environment, names};

use crate::{Application, Component, labels};

/// The `PodDisruptionBudget` `APP-COMPONENT-COLOUR`: one pod at a time unless the spec says otherwise. None for
/// a component that wants fewer than two pods, since its node could never be drained.
#[must_use]
pub fn pod_disruption_budget(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> Option<PodDisruptionBudget> {
    let spec = component.spec.disruption.clone().unwrap_or_default();
    if component.replicas <= 1 || spec.enabled == Some(false) {
        return None;
    }
    let policy = spec
        .unhealthy_pod_eviction_policy
        .unwrap_or(UnhealthyPodEvictionPolicy::AlwaysAllow);
    Some(PodDisruptionBudget {
        metadata: labels::owned(
            app,
            names::coloured(&app.name, component.name, environment),
            labels::workload(&app.name, component.name, environment),
        ),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: max_unavailable(&spec),
            min_available: spec.min_available,
            selector: Some(LabelSelector {
                match_labels: Some(labels::selector(&app.name, component.name, environment)),
                match_expressions: None,
            }),
            unhealthy_pod_eviction_policy: Some(policy.as_str().to_owned()),
        }),
        status: None,
    })
}

/// The API server takes only one of the two bounds; `minAvailable` is there only where the author set it.
fn max_unavailable(spec: &DisruptionSpec) -> Option<IntOrString> {
    match spec.min_available {
        Some(_) => None,
        None => Some(spec.max_unavailable.clone().unwrap_or(IntOrString::Int(1))),
    }
}

#[cfg(test)]
mod tests {
    use restapi_types::ComponentName;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::restapi;

    fn budget(view: &Value) -> Option<PodDisruptionBudget> {
        let spec = json!({"image": "a", "view": view}).to_string();
        let app = Application::resolve(&restapi(&spec)).unwrap();
        let view = app.component(ComponentName::View).unwrap();
        pod_disruption_budget(&app, view, Environment::Green)
    }

    #[test]
    fn by_default_one_pod_may_be_missing_and_broken_ones_may_go() {
        insta::assert_yaml_snapshot!(budget(&json!({"replicas": 3})));
    }

    #[rstest]
    #[case(json!({}))]
    #[case(json!({"replicas": 0}))]
    #[case(json!({"replicas": 1, "disruption": {"enabled": true, "maxUnavailable": 1}}))]
    #[case(json!({"replicas": 3, "disruption": {"enabled": false}}))]
    fn none_where_it_would_block_drains_or_is_not_wanted(#[case] view: Value) {
        assert_eq!(budget(&view), None);
    }

    #[rstest]
    #[case(json!({"minAvailable": "60%"}), json!({"minAvailable": "60%", "unhealthyPodEvictionPolicy": "AlwaysAllow"}))]
    #[case(json!({"maxUnavailable": 0}), json!({"maxUnavailable": 0, "unhealthyPodEvictionPolicy": "AlwaysAllow"}))]
    #[case(json!({"unhealthyPodEvictionPolicy": "IfHealthyBudget"}), json!({"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "IfHealthyBudget"}))]
    fn the_author_s_bounds_stand(#[case] disruption: Value, #[case] wanted: Value) {
        let budget = budget(&json!({"replicas": 2, "disruption": disruption})).unwrap();
        let mut spec = json!(budget.spec.unwrap());
        spec.as_object_mut().unwrap().remove("selector");
        assert_eq!(spec, wanted);
    }
}
