//! On which nodes pods run.

use k8s_openapi::api::core::v1::{
    Affinity, PodAffinityTerm, PodAntiAffinity, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use restapi_types::Environment;
use restapi_types::spec::pods::AntiAffinity;

use crate::{Application, Component, labels};

/// The label by which nodes differ.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The label by which a Deployment's pods of different templates differ.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The author's affinity and, where it says nothing about it, that the component's pods keep away from each other.
#[must_use]
pub fn affinity(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> Option<Affinity> {
    let own = component.parts.affinity.clone();
    if own.as_ref().is_some_and(|a| a.pod_anti_affinity.is_some()) {
        return own;
    }
    let apart = apart(app, component, environment);
    match (own, apart) {
        (own, None) => own,
        (own, apart) => Some(Affinity {
            pod_anti_affinity: apart,
            ..own.unwrap_or_default()
        }),
    }
}

fn apart(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> Option<PodAntiAffinity> {
    // Only pods of one template: else a new pod could not start beside the old one that it replaces. A
    // StatefulSet starts the new one where the old one has gone.
    let is_deployment = component.claim_per_replica().is_none();
    let term = PodAffinityTerm {
        label_selector: Some(selector(app, component, environment)),
        match_label_keys: is_deployment.then(|| vec![TEMPLATE_HASH.to_owned()]),
        topology_key: HOSTNAME.to_owned(),
        ..PodAffinityTerm::default()
    };
    let wish = component.spec.anti_affinity;
    match wish.unwrap_or(AntiAffinity::Preferred) {
        AntiAffinity::None => None,
        AntiAffinity::Preferred => Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![
                WeightedPodAffinityTerm {
                    pod_affinity_term: term,
                    weight: 100,
                },
            ]),
            ..PodAntiAffinity::default()
        }),
        AntiAffinity::Required => Some(PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![term]),
            ..PodAntiAffinity::default()
        }),
    }
}

/// The author's constraints; one without a selector counts the component's own pods.
#[must_use]
pub fn spread(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> Option<Vec<TopologySpreadConstraint>> {
    let mut all = component.spec.topology_spread_constraints.clone()?;
    for constraint in &mut all {
        constraint
            .label_selector
            .get_or_insert_with(|| selector(app, component, environment));
    }
    Some(all)
}

fn selector(app: &Application, component: &Component, environment: Environment) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels::selector(&app.name, component.name, environment)),
        match_expressions: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    fn of(view: &Value) -> (Value, Value) {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        let view = &app.components[0];
        (
            json!(affinity(&app, view, Environment::Blue)),
            json!(spread(&app, view, Environment::Blue)),
        )
    }

    fn own_pods() -> Value {
        json!({"matchLabels": {
            "app.kubernetes.io/instance": "orders",
            "app.kubernetes.io/component": "view",
            "restapi.dev/environment": "blue",
        }})
    }

    #[test]
    fn pods_of_one_template_prefer_different_nodes() {
        let term = json!({
            "labelSelector": own_pods(),
            "matchLabelKeys": ["pod-template-hash"],
            "topologyKey": "kubernetes.io/hostname",
        });
        let preferred = json!([{"weight": 100, "podAffinityTerm": term}]);
        assert_eq!(
            of(&json!({})).0["podAntiAffinity"],
            json!({"preferredDuringSchedulingIgnoredDuringExecution": preferred})
        );
        assert_eq!(
            of(&json!({"antiAffinity": "Required"})).0["podAntiAffinity"],
            json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]})
        );
        assert_eq!(of(&json!({"antiAffinity": "None"})).0, Value::Null);
    }

    #[test]
    fn an_author_s_affinity_is_added_to_or_wins() {
        let (node, _) = of(&json!({"affinity": {"nodeAffinity": {}}}));
        assert!(node["nodeAffinity"].is_object() && node["podAntiAffinity"].is_object());
        let own = json!({"affinity": {"podAntiAffinity": {}}});
        assert_eq!(of(&own).0, json!({"podAntiAffinity": {}}));
    }

    #[test]
    fn a_constraint_without_a_selector_counts_the_component_s_pods() {
        let zone =
            json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
        let mut other = zone.clone();
        other["labelSelector"] = json!({"matchLabels": {"a": "b"}});
        let (_, spread) = of(&json!({"topologySpreadConstraints": [zone, other]}));
        assert_eq!(spread[0]["labelSelector"], own_pods());
        assert_eq!(spread[1], other);
    }
}
