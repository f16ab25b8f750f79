//! The opaque fields of a component as Kubernetes' own types.
//!
//! The CRD does not describe these fields in full. What does not fit Kubernetes' types, an unknown field
//! included, is refused here, before anything of the new revision is written.

use k8s_openapi::api::core::v1::{Affinity, Container, PodTemplateSpec, Volume};
use k8s_openapi::api::networking::v1::{NetworkPolicyEgressRule, NetworkPolicyIngressRule};
use restapi_types::ComponentSpec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Invalid;

/// The opaque fields of a component, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// `volumes`.
    pub volumes: Vec<Volume>,
    /// `initContainers`.
    pub init_containers: Vec<Container>,
    /// `sidecars`.
    pub sidecars: Vec<Container>,
    /// `affinity`.
    pub affinity: Option<Affinity>,
    /// `podOverrides`.
    pub overrides: Option<PodTemplateSpec>,
    /// `networkPolicy.ingress`.
    pub ingress: Vec<NetworkPolicyIngressRule>,
    /// `networkPolicy.egress`.
    pub egress: Vec<NetworkPolicyEgressRule>,
}

impl Parts {
    /// Reads the opaque fields of `spec`, which stands at `path`.
    ///
    /// # Errors
    /// When a field is none of Kubernetes' type, with the path of what does not fit.
    pub fn parse(spec: &ComponentSpec, path: &str) -> Result<Self, Invalid> {
        let policy = spec.network_policy.as_ref();
        Ok(Self {
            volumes: items(spec.volumes.as_ref(), &format!("{path}.volumes"))?,
            init_containers: items(
                spec.init_containers.as_ref(),
                &format!("{path}.initContainers"),
            )?,
            sidecars: items(spec.sidecars.as_ref(), &format!("{path}.sidecars"))?,
            affinity: one(spec.affinity.as_ref(), &format!("{path}.affinity"))?,
            overrides: one(spec.pod_overrides.as_ref(), &format!("{path}.podOverrides"))?,
            ingress: items(
                policy.and_then(|p| p.ingress.as_ref()),
                &format!("{path}.networkPolicy.ingress"),
            )?,
            egress: items(
                policy.and_then(|p| p.egress.as_ref()),
                &format!("{path}.networkPolicy.egress"),
            )?,
        })
    }
}

fn items<T: DeserializeOwned + Serialize>(
    values: Option<&Vec<Value>>,
    path: &str,
) -> Result<Vec<T>, Invalid> {
    let values = values.into_iter().flatten().enumerate();
    values
        .map(|(i, value)| read(value, &format!("{path}[{i}]")))
        .collect()
}

fn one<T: DeserializeOwned + Serialize>(
    value: Option<&Value>,
    path: &str,
) -> Result<Option<T>, Invalid> {
    value.map(|value| read(value, path)).transpose()
}

/// Reads `value` as a Kubernetes type that knows every field of it.
fn read<T: DeserializeOwned + Serialize>(value: &Value, path: &str) -> Result<T, Invalid> {
    let fix = "correct it, or see `kubectl explain` for its fields";
    let read: T = serde_json::from_value(value.clone())
        .map_err(|error| Invalid::new(path, error.to_string(), fix))?;
    let understood =
        serde_json::to_value(&read).map_err(|error| Invalid::new(path, error.to_string(), fix))?;
    match first_lost(value, &understood, path) {
        None => Ok(read),
        Some(field) => Err(Invalid::new(field, "Kubernetes knows no such field", fix)),
    }
}

/// The path of the first field of `given` that is not in `understood`.
fn first_lost(given: &Value, understood: &Value, path: &str) -> Option<String> {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            given.iter().find_map(|(key, value)| {
                let path = format!("{path}.{key}");
                match understood.get(key) {
                    // What is empty is left out by some types.
                    None if is_empty(value) => None,
                    None => Some(path),
                    Some(other) => first_lost(value, other, &path),
                }
            })
        }
        (Value::Array(given), Value::Array(understood)) => given
            .iter()
            .zip(understood)
            .enumerate()
            .find_map(|(i, (value, other))| first_lost(value, other, &format!("{path}[{i}]"))),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn parse(spec: Value) -> Result<Parts, Invalid> {
        Parts::parse(&serde_json::from_value(spec).unwrap(), "spec.view")
    }

    #[rstest]
    #[case(json!({"volumes": [{"name": "a", "emptyDri": {}}, {"name": "b", "emptyDir": {"sizeLimit": "1Gi", "x": 1}}]}), "spec.view.volumes[1].emptyDir.x")]
    #[case(json!({"volumes": [{"name": "a", "emptyDri": {"medium": "Memory"}}]}), "spec.view.volumes[0].emptyDri")]
    #[case(json!({"sidecars": [{"name": "a", "image": 1}]}), "spec.view.sidecars[0]")]
    #[case(json!({"podOverrides": {"spec": {"containers": [{"name": "a", "envs": [1]}]}}}), "spec.view.podOverrides.spec.containers[0].envs")]
    #[case(json!({"affinity": {"nodeAffinity": {"required": [1]}}}), "spec.view.affinity.nodeAffinity.required")]
    #[case(json!({"networkPolicy": {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "not": ["x"]}}]}]}}), "spec.view.networkPolicy.egress[0].to[0].ipBlock.not")]
    fn what_kubernetes_does_not_know_is_named(#[case] spec: Value, #[case] field: &str) {
        assert_eq!(parse(spec).unwrap_err().field, field);
    }

    #[test]
    fn what_it_knows_is_read() {
        let parts = parse(json!({
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {"secretName": "s", "items": []}}],
            "sidecars": [{"name": "log", "image": "log:1", "ports": [{"containerPort": 9}]}],
            "podOverrides": {"metadata": {"labels": {"a": "b"}}, "spec": {"dnsPolicy": "Default"}},
        }))
        .unwrap();
        assert_eq!((parts.volumes.len(), parts.sidecars.len()), (2, 1));
        assert!(parts.overrides.is_some());
    }
}
