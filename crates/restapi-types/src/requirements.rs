//! What a component's container asks of its node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements as KubeRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// CPU, memory and ephemeral storage that a container is promised, and may use at most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(!has(self.requests) || self.requests.all(k, isQuantity(string(self.requests[k])) && quantity(string(self.requests[k])).compareTo(quantity('0')) >= 0)) && (!has(self.limits) || self.limits.all(k, isQuantity(string(self.limits[k])) && quantity(string(self.limits[k])).compareTo(quantity('0')) >= 0))")
        .message("resources.requests or resources.limits holds a value that is not a quantity of 0 or more: write such as 250m, 1.5, 128Mi or 1Gi"),
    validation = Rule::new("(!has(self.requests) || self.requests.all(k, k in ['cpu', 'memory', 'ephemeral-storage'])) && (!has(self.limits) || self.limits.all(k, k in ['cpu', 'memory', 'ephemeral-storage']))")
        .message("resources.requests and resources.limits may name cpu, memory and ephemeral-storage only"),
    validation = Rule::new("!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || !isQuantity(string(self.requests[k])) || !isQuantity(string(self.limits[k])) || quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)")
        .message("resources.requests must not exceed resources.limits: raise the limit or lower the request"),
)]
pub struct ResourceRequirements {
    /// What the scheduler sets aside, by `cpu`, `memory` or `ephemeral-storage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantities")]
    pub requests: Option<BTreeMap<String, Quantity>>,
    /// What the container may use at most, by the same names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantities")]
    pub limits: Option<BTreeMap<String, Quantity>>,
}

impl ResourceRequirements {
    /// The same in Kubernetes' own type.
    #[must_use]
    pub fn to_kube(&self) -> KubeRequirements {
        KubeRequirements {
            requests: self.requests.clone(),
            limits: self.limits.clone(),
            claims: None,
        }
    }
}

/// At most three quantities, each a number or a short string.
fn quantities(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 3,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "maxLength": 32
        }
    })
}
