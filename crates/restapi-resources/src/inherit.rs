//! What a component takes over from its application: field by field, its own first.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;
use restapi_types::spec::companions::{DisruptionSpec, ServiceAccountSpec};
use restapi_types::spec::health::HealthCheckSpec;
use restapi_types::spec::network::NetworkPolicySpec;
use restapi_types::{ComponentSpec, RestAPISpec};

/// The fields of a component, with those of the application where it has none of its own.
pub(crate) fn component(own: &ComponentSpec, all: &RestAPISpec) -> ComponentSpec {
    let (env_vars, env) = variables(own, all);
    let env_from: Vec<_> = all
        .env_from
        .iter()
        .chain(&own.env_from)
        .flatten()
        .cloned()
        .collect();
    ComponentSpec {
        image: own.image.clone().or_else(|| all.image.clone()),
        image_pull_policy: own.image_pull_policy.or(all.image_pull_policy),
        replicas: own.replicas.or(all.replicas),
        env_vars: (!env_vars.is_empty()).then_some(env_vars),
        env: (!env.is_empty()).then_some(env),
        env_from: (!env_from.is_empty()).then_some(env_from),
        network_policy: merged(
            own.network_policy.as_ref(),
            all.network_policy.as_ref(),
            network_policy,
        ),
        disruption: merged(own.disruption.as_ref(), all.disruption.as_ref(), disruption),
        service_account: own
            .service_account
            .as_ref()
            .map(|own| service_account(own, all.service_account.as_ref())),
        health_check: merged(
            own.health_check.as_ref(),
            all.health_check.as_ref(),
            health_check,
        ),
        ..own.clone()
    }
}

/// Variables by name: a component's own, whichever way it sets them, replace the application's.
fn variables(own: &ComponentSpec, all: &RestAPISpec) -> (BTreeMap<String, String>, Vec<EnvVar>) {
    let own_names: Vec<&str> = own
        .env_vars
        .iter()
        .flat_map(BTreeMap::keys)
        .map(String::as_str)
        .chain(own.env.iter().flatten().map(|e| e.name.as_str()))
        .collect();
    let is_own = |name: &str| own_names.contains(&name);
    let mut values = all.env_vars.clone().unwrap_or_default();
    values.retain(|name, _| !is_own(name));
    values.extend(own.env_vars.clone().unwrap_or_default());
    let inherited = all.env.iter().flatten().filter(|e| !is_own(&e.name));
    let env = inherited.chain(own.env.iter().flatten()).cloned().collect();
    (values, env)
}

/// Both merged where both are there, else the one that is.
fn merged<T: Clone>(own: Option<&T>, all: Option<&T>, merge: fn(&T, &T) -> T) -> Option<T> {
    match (own, all) {
        (Some(own), Some(all)) => Some(merge(own, all)),
        (one, other) => one.or(other).cloned(),
    }
}

fn network_policy(own: &NetworkPolicySpec, all: &NetworkPolicySpec) -> NetworkPolicySpec {
    NetworkPolicySpec {
        enabled: own.enabled.or(all.enabled),
        ingress: own.ingress.clone().or_else(|| all.ingress.clone()),
        egress: own.egress.clone().or_else(|| all.egress.clone()),
    }
}

/// The two bounds exclude each other, so one of the component's replaces whichever the application has.
fn disruption(own: &DisruptionSpec, all: &DisruptionSpec) -> DisruptionSpec {
    let has_bound = own.min_available.is_some() || own.max_unavailable.is_some();
    let bounds = if has_bound { own } else { all };
    DisruptionSpec {
        enabled: own.enabled.or(all.enabled),
        min_available: bounds.min_available.clone(),
        max_unavailable: bounds.max_unavailable.clone(),
        unhealthy_pod_eviction_policy: own
            .unhealthy_pod_eviction_policy
            .or(all.unhealthy_pod_eviction_policy),
    }
}

/// A component that says nothing has no account of its own: it uses the application's.
fn service_account(
    own: &ServiceAccountSpec,
    all: Option<&ServiceAccountSpec>,
) -> ServiceAccountSpec {
    ServiceAccountSpec {
        annotations: own.annotations.clone().or_else(|| all?.annotations.clone()),
        automount_token: own.automount_token.or_else(|| all?.automount_token),
    }
}

fn health_check(own: &HealthCheckSpec, all: &HealthCheckSpec) -> HealthCheckSpec {
    HealthCheckSpec {
        enabled: own.enabled.or(all.enabled),
        path: own.path.clone().or_else(|| all.path.clone()),
        port: own.port.or(all.port),
        initial_delay_seconds: own.initial_delay_seconds.or(all.initial_delay_seconds),
        period_seconds: own.period_seconds.or(all.period_seconds),
        timeout_seconds: own.timeout_seconds.or(all.timeout_seconds),
        success_threshold: own.success_threshold.or(all.success_threshold),
        failure_threshold: own.failure_threshold.or(all.failure_threshold),
        liveness: own.liveness.clone().or_else(|| all.liveness.clone()),
        readiness: own.readiness.clone().or_else(|| all.readiness.clone()),
        startup: own.startup.clone().or_else(|| all.startup.clone()),
    }
}

#[cfg(test)]
mod laws;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn inherited(own: Value, all: Value) -> Value {
        let own: ComponentSpec = serde_json::from_value(own).unwrap();
        let all: RestAPISpec = serde_json::from_value(all).unwrap();
        json!(component(&own, &all))
    }

    #[test]
    fn own_fields_come_first_and_nothing_is_taken_from_nothing() {
        assert_eq!(inherited(json!({}), json!({})), json!({}));
        let all = json!({"image": "a:1", "imagePullPolicy": "Always", "replicas": 3});
        assert_eq!(inherited(json!({}), all.clone()), all);
        let own = json!({"image": "b:1", "imagePullPolicy": "Never", "replicas": 0});
        assert_eq!(inherited(own.clone(), all), own);
    }

    #[test]
    fn variables_replace_each_other_by_name_in_either_form() {
        let all = json!({
            "envVars": {"A": "all", "B": "all", "C": "all"},
            "env": [{"name": "D", "value": "all"}, {"name": "E", "value": "all"}],
        });
        let own =
            json!({"envVars": {"B": "own", "D": "own"}, "env": [{"name": "C", "value": "own"}]});
        assert_eq!(
            inherited(own, all),
            json!({
                "envVars": {"A": "all", "B": "own", "D": "own"},
                "env": [{"name": "E", "value": "all"}, {"name": "C", "value": "own"}],
            })
        );
    }

    #[test]
    fn blocks_merge_field_by_field() {
        let all = json!({
            "healthCheck": {"path": "/all", "periodSeconds": 5},
            "networkPolicy": {"enabled": true, "egress": [{}]},
            "disruption": {"minAvailable": 1, "unhealthyPodEvictionPolicy": "IfHealthyBudget"},
            "serviceAccount": {"automountToken": true},
        });
        let own = json!({
            "healthCheck": {"path": "/own"},
            "networkPolicy": {"egress": []},
            "disruption": {"maxUnavailable": "50%"},
            "serviceAccount": {"annotations": {"a": "b"}},
        });
        assert_eq!(
            inherited(own, all),
            json!({
                "healthCheck": {"path": "/own", "periodSeconds": 5},
                "networkPolicy": {"enabled": true, "egress": []},
                "disruption": {"maxUnavailable": "50%", "unhealthyPodEvictionPolicy": "IfHealthyBudget"},
                "serviceAccount": {"automountToken": true, "annotations": {"a": "b"}},
            })
        );
    }
}
