//! How requests from outside the cluster find components.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metadata::annotations;
use super::network::LocalReference;
use super::values::{component_name, host_names, object_name, route_path};
use crate::schema::{choice, own_list};

/// How a path is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PathType {
    /// The path and everything below it.
    #[default]
    Prefix,
    /// Exactly the path.
    Exact,
}

impl PathType {
    /// As an Ingress spells it.
    #[must_use]
    pub const fn of_ingress(self) -> &'static str {
        match self {
            Self::Prefix => "Prefix",
            Self::Exact => "Exact",
        }
    }

    /// As a route of the Gateway API spells it.
    #[must_use]
    pub const fn of_gateway(self) -> &'static str {
        match self {
            Self::Prefix => "PathPrefix",
            Self::Exact => "Exact",
        }
    }
}

/// Which requests go to which component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The component that answers: one that the application has, with a port.
    #[schemars(schema_with = "component_name")]
    pub component: String,
    /// The path of the request; `/` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "route_path")]
    pub path: Option<String>,
    /// How the path is compared; `Prefix` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<PathType>")]
    pub path_type: Option<PathType>,
}

/// TLS of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretName) || has(self.clusterIssuer)")
    .message("ingress.tls needs secretName (a Secret with the certificate) or clusterIssuer (cert-manager makes one)"))]
pub struct IngressTls {
    /// The Secret with certificate and key; `APP-tls` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "object_name")]
    pub secret_name: Option<String>,
    /// The cert-manager ClusterIssuer that makes the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "object_name")]
    pub cluster_issuer: Option<String>,
}

/// An Ingress for the application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// Whether there is an Ingress; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The class of the Ingress; the cluster's default unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "object_name")]
    pub class_name: Option<String>,
    /// Annotations of the Ingress, for its controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "annotations")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The hosts that are served; any unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "host_names")]
    pub hosts: Option<Vec<String>>,
    /// Which requests go where; everything to the view unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "own_list::<Route, 32>")]
    pub routes: Option<Vec<Route>>,
    /// TLS for the hosts; none unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<IngressTls>,
}

/// A Gateway of the same namespace that a route attaches to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayReference {
    /// The Gateway's name.
    #[schemars(schema_with = "object_name")]
    pub name: String,
    /// One of its listeners; all that fit unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "object_name")]
    pub section_name: Option<String>,
}

/// A route of the Gateway API: a GRPCRoute where everything that is routed speaks gRPC, else an HTTPRoute. Never
/// both, since a Gateway accepts only one of the two for the same hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// Whether there is a route; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The Gateways that the routes attach to.
    #[schemars(schema_with = "parents")]
    pub parent_refs: Vec<GatewayReference>,
    /// The hosts that are served; those of the Gateways unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "host_names")]
    pub hostnames: Option<Vec<String>>,
    /// Which requests go where; everything to the view unless set. Of gRPC, the path is `/SERVICE` or
    /// `/SERVICE/METHOD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "own_list::<Route, 16>")]
    pub routes: Option<Vec<Route>>,
}

fn parents(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let mut schema = own_list::<GatewayReference, 8>(generator);
    schema.insert("minItems".into(), 1.into());
    schema
}

/// The pull secrets of an application.
pub(crate) fn pull_secrets(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    crate::schema::own_list_by_name::<LocalReference, 8>(generator)
}
