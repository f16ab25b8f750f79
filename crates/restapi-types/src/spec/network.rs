//! How a component is reached, and what it may reach.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::metadata::annotations;
use super::opaque::network_rules;
use super::values::{QUALIFIED, object_name};
use crate::schema::choice;

/// What a port speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// HTTP; probed with a request.
    #[default]
    #[serde(rename = "HTTP")]
    Http,
    /// gRPC over HTTP/2 without TLS; probed with gRPC's health protocol.
    #[serde(rename = "GRPC")]
    Grpc,
    /// Anything over TCP; probed by connecting.
    #[serde(rename = "TCP")]
    Tcp,
}

impl Protocol {
    /// The `appProtocol` of a Service's port, by which proxies and meshes know what is spoken.
    #[must_use]
    pub const fn app_protocol(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("http"),
            Self::Grpc => Some("kubernetes.io/h2c"),
            Self::Tcp => None,
        }
    }

    /// The scheme of an address that other components are given.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
        }
    }
}

/// A port beside the component's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.name.matches('^([0-9]-?)*[a-z](-?[a-z0-9])*$') && !self.name.startsWith('main')")
        .message("extraPorts holds a name that is none of a port, or starts with main as the component's own: lower-case letters, digits and single '-', with at least one letter"),
)]
pub struct ExtraPort {
    /// The port's name: at most 15 lower-case letters, digits and `-`. One that is called `metrics` is scraped.
    #[schemars(length(min = 1, max = 15))]
    pub name: String,
    /// The number, the same in the pod and in the Services.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// What it speaks; `TCP` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<Protocol>")]
    pub protocol: Option<Protocol>,
}

/// The type of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Reachable inside the cluster.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// Also on a port of every node.
    NodePort,
    /// Also at an address of a load balancer.
    LoadBalancer,
}

impl ServiceType {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// Where traffic from outside the cluster may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrafficPolicy {
    /// To any node's pods.
    Cluster,
    /// To pods of the node that it reached, which then see the client's address.
    Local,
}

impl TrafficPolicy {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}

/// Whether a client stays with one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionAffinity {
    /// It doesn't.
    None,
    /// By the client's address.
    #[serde(rename = "ClientIP")]
    ClientIp,
}

impl SessionAffinity {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ClientIp => "ClientIP",
        }
    }
}

/// The stable Service of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.?type.orValue('') == 'LoadBalancer' || (!has(self.loadBalancerClass) && !has(self.loadBalancerSourceRanges))")
        .message("service.loadBalancerClass and service.loadBalancerSourceRanges need service.type LoadBalancer"),
    validation = Rule::new("self.?type.orValue('ClusterIP') != 'ClusterIP' || (!has(self.externalTrafficPolicy) && !has(self.nodePort))")
        .message("service.externalTrafficPolicy and service.nodePort need service.type NodePort or LoadBalancer"),
)]
pub struct ServiceSpec {
    /// How the Service is reached; `ClusterIP` unless set.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<ServiceType>")]
    pub type_: Option<ServiceType>,
    /// The port of the Service; the component's own unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The port of every node; the cluster chooses unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<i32>,
    /// Annotations of the Service, for load balancers and meshes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "annotations")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Which load balancer; the cluster's own unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "load_balancer_class")]
    pub load_balancer_class: Option<String>,
    /// The ranges of addresses that may reach the load balancer, such as `203.0.113.0/24`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ranges")]
    pub load_balancer_source_ranges: Option<Vec<String>>,
    /// Where traffic from outside may be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<TrafficPolicy>")]
    pub external_traffic_policy: Option<TrafficPolicy>,
    /// Whether a client stays with one pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<SessionAffinity>")]
    pub session_affinity: Option<SessionAffinity>,
}

fn load_balancer_class(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 253,
        "pattern": QUALIFIED
    })
}

fn ranges(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "items": {"type": "string", "maxLength": 64},
        "x-kubernetes-validations": [{
            "rule": "self.all(r, isCIDR(r))",
            "message": "service.loadBalancerSourceRanges holds a value that is no range of addresses: write ADDRESS/BITS, such as 203.0.113.0/24"
        }]
    })
}

/// What may reach the pods, and what they may reach, besides what an application always needs.
///
/// Everything is denied but: requests from outside to exposed components, the components to each other's
/// ports, name resolution, the managers' probes, the configured monitoring, the configured trace collector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// Whether there are policies at all; true unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Further traffic to the pods, in Kubernetes' own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "network_rules")]
    pub ingress: Option<Vec<Value>>,
    /// Further traffic from the pods, in Kubernetes' own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "network_rules")]
    pub egress: Option<Vec<Value>>,
}

/// A reference to an object of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalReference {
    /// The object's name.
    #[schemars(schema_with = "object_name")]
    pub name: String,
}
