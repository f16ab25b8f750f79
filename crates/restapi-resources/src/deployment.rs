//! The Deployment of one component in one environment.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::spec::pods::StrategyType;

use crate::Component;

/// The Deployment with that metadata and those pods.
pub(crate) fn deployment(
    component: &Component,
    metadata: ObjectMeta,
    selector: LabelSelector,
    template: PodTemplateSpec,
) -> Deployment {
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(component.replicas),
            selector,
            strategy: Some(strategy(component)),
            template,
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// What the author says. By default one new pod is added and ready before an old one goes, except where the pods
/// share a claim that only one of the two could mount.
fn strategy(component: &Component) -> DeploymentStrategy {
    if is_recreated(component) {
        return DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        };
    }
    let own = component.spec.strategy.clone().unwrap_or_default();
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(own.max_surge.unwrap_or(IntOrString::Int(1))),
            max_unavailable: Some(own.max_unavailable.unwrap_or(IntOrString::Int(0))),
        }),
    }
}

/// Whether an update stops the old pods before it starts new ones.
#[must_use]
pub fn is_recreated(component: &Component) -> bool {
    let own = component.spec.strategy.as_ref();
    let rolls = own.is_some_and(|s| s.max_surge.is_some() || s.max_unavailable.is_some());
    match own.and_then(|s| s.type_) {
        Some(type_) => type_ == StrategyType::Recreate,
        None if rolls => false,
        None => {
            let shared = component.shared_claim();
            shared.is_some_and(|claim| !claim.access_mode().is_many())
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    fn claim(access: &str) -> Value {
        json!({"size": "1Gi", "mountPath": "/d", "retention": "Delete", "accessMode": access})
    }

    fn rolling(surge: &Value, unavailable: &Value) -> Value {
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
    }

    #[rstest]
    #[case(json!({}), rolling(&json!(1), &json!(0)))]
    #[case(json!({"strategy": {"maxSurge": "50%"}}), rolling(&json!("50%"), &json!(0)))]
    #[case(json!({"strategy": {"maxSurge": 0, "maxUnavailable": 2}}), rolling(&json!(0), &json!(2)))]
    #[case(json!({"strategy": {"type": "Recreate"}}), json!({"type": "Recreate"}))]
    #[case(json!({"persistence": claim("ReadWriteOnce")}), json!({"type": "Recreate"}))]
    #[case(json!({"persistence": claim("ReadWriteOncePod")}), json!({"type": "Recreate"}))]
    #[case(json!({"persistence": claim("ReadWriteMany")}), rolling(&json!(1), &json!(0)))]
    #[case(json!({"persistence": claim("ReadWriteOnce"), "strategy": {"type": "RollingUpdate"}}), rolling(&json!(1), &json!(0)))]
    fn pods_are_replaced_without_a_gap_where_that_is_possible(
        #[case] view: Value,
        #[case] expected: Value,
    ) {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        assert_eq!(json!(strategy(&app.components[0])), expected);
    }
}
