//! Objects whose kinds a cluster knows only where their CRDs are installed.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::core::ObjectMeta;
use serde_json::{Value, json};

/// A kind that is not Kubernetes' own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThirdPartyKind {
    /// `gateway.networking.k8s.io/v1 HTTPRoute`.
    HttpRoute,
    /// `gateway.networking.k8s.io/v1 GRPCRoute`.
    GrpcRoute,
    /// `monitoring.coreos.com/v1 PodMonitor`.
    PodMonitor,
}

impl ThirdPartyKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HttpRoute, Self::GrpcRoute, Self::PodMonitor];

    /// Where objects of the kind live.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let (group, kind, plural) = match self {
            Self::HttpRoute => ("gateway.networking.k8s.io", "HTTPRoute", "httproutes"),
            Self::GrpcRoute => ("gateway.networking.k8s.io", "GRPCRoute", "grpcroutes"),
            Self::PodMonitor => ("monitoring.coreos.com", "PodMonitor", "podmonitors"),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural)
    }

    /// What to install where the cluster does not know the kind.
    #[must_use]
    pub const fn installed_with(self) -> &'static str {
        match self {
            Self::HttpRoute | Self::GrpcRoute => "the CRDs of the Gateway API",
            Self::PodMonitor => "the CRDs of the Prometheus operator",
        }
    }
}

/// An object of such a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct ThirdParty {
    /// Which kind, and so what a cluster lacks that does not know it.
    pub kind: ThirdPartyKind,
    /// The object.
    pub object: DynamicObject,
}

impl ThirdParty {
    /// The object of that kind with that metadata and `spec`.
    #[must_use]
    pub fn new(kind: ThirdPartyKind, metadata: ObjectMeta, spec: &Value) -> Self {
        let object = DynamicObject {
            metadata,
            ..DynamicObject::new("", &kind.resource())
        };
        Self {
            kind,
            object: object.data(json!({ "spec": spec })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_what_it_is() {
        for kind in ThirdPartyKind::ALL {
            let metadata = ObjectMeta {
                name: Some("a".to_owned()),
                ..ObjectMeta::default()
            };
            let object = json!(ThirdParty::new(kind, metadata, &json!({"b": 1})).object);
            let resource = kind.resource();
            assert_eq!(
                object,
                json!({
                    "apiVersion": resource.api_version, "kind": resource.kind,
                    "metadata": {"name": "a"}, "spec": {"b": 1},
                })
            );
        }
    }
}
