//! What an application's companions need to know of the cluster around it: the managers' flags, never the
//! `RestAPI` itself.

/// The namespaces that generated `NetworkPolicies` admit without being asked to by a `RestAPI`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Where the managers run: their probes and gates reach every port.
    pub managers_namespace: String,
    /// Where the metrics are collected from; nobody is admitted unless set.
    pub monitoring_namespace: Option<String>,
    /// Where applications send their traces; nowhere unless set.
    pub otlp: Option<Otlp>,
}

/// A collector of traces inside the cluster.
///
/// A `NetworkPolicy` knows pods, namespaces and ranges of addresses, but no host names, and the address of a
/// Service is none of these: it is replaced by a pod's before the policy is asked. So the collector is named by
/// its namespace and the port of its pods. One outside the cluster is a range of addresses in
/// `networkPolicy.egress` of the `RestAPI`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// The namespace of its pods.
    pub namespace: String,
    /// The TCP port of its pods, not of its Service.
    pub port: u16,
}
