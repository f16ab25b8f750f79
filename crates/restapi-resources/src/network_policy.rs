//! What may reach a component's pods, and what they may reach: nothing but what is listed here.
//!
//! Ports are named in rules of ingress: a name means each pod's own port, so pods of an earlier revision that
//! listen on another number stay reachable. In rules of egress they are numbers. There a name means a port of the
//! pods that are called, and Cilium (1.15) looks it up in all pods of the cluster: where `main` is 8080 in one and
//! 3000 in another, it ignores the name ("duplicate named ports").

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::spec::health::HealthCheckSpec;
use restapi_types::{keys, names};

use crate::ports::{LivePorts, MAIN, Ports};
use crate::surroundings::Surroundings;
use crate::{Application, Component, labels, routing, selectors};

/// The port on which names are resolved.
const DNS: i32 = 53;

/// The `NetworkPolicy` `APP-COMPONENT` for the component's pods in both environments; none where the spec wants
/// none. `live` are the ports of pods that exist.
#[must_use]
pub fn network_policy(
    app: &Application,
    component: &Component,
    surroundings: &Surroundings,
    live: &LivePorts,
) -> Option<NetworkPolicy> {
    let spec = component.spec.network_policy.as_ref();
    if spec.is_some_and(|policy| policy.enabled == Some(false)) {
        return None;
    }
    Some(NetworkPolicy {
        metadata: labels::owned(
            app,
            names::stable(&app.name, component.name),
            labels::component(&app.name, component.name),
        ),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selectors::component(&app.name, component.name)),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: some(ingress(app, component, surroundings, live)),
            egress: some(egress(app, component, surroundings, live)),
        }),
    })
}

/// Who may call. A rule without ports would admit to all ports, so one that would have none is left out.
fn ingress(
    app: &Application,
    component: &Component,
    surroundings: &Surroundings,
    live: &LivePorts,
) -> Vec<NetworkPolicyIngressRule> {
    let kinds = live.of(component);
    let all: BTreeSet<&str> = kinds.iter().flat_map(Ports::names).collect();
    let named = |names: &BTreeSet<&str>| -> Vec<_> { names.iter().map(|n| name(n)).collect() };
    let mut probed = named(&all);
    probed.extend(probed_numbers(component, &kinds).into_iter().map(number));
    let scraped = kinds
        .iter()
        .filter_map(|ports| ports.scraped(component.protocol));
    let monitoring = surroundings.monitoring_namespace.as_deref();

    let is_open = all.contains(MAIN) && routing::is_open(app, component);
    let outside = is_open.then(|| NetworkPolicyIngressRule {
        from: None,
        ports: Some(vec![name(MAIN)]),
    });
    let generated = [
        outside,
        from(pods(app), named(&all)),
        from(managers(surroundings), probed),
        monitoring.and_then(|namespace| from(all_of(namespace), named(&scraped.collect()))),
    ];
    let added = component.parts.ingress.iter().cloned();
    generated.into_iter().flatten().chain(added).collect()
}

/// Who may be called.
fn egress(
    app: &Application,
    component: &Component,
    surroundings: &Surroundings,
    live: &LivePorts,
) -> Vec<NetworkPolicyEgressRule> {
    // The ports of all components at once: what a component really takes its own policy says.
    let peers = live.numbers(app).into_iter().map(number).collect();
    let otlp = surroundings.otlp.as_ref();
    let generated = [
        Some(dns()),
        to(pods(app), peers),
        otlp.and_then(|otlp| to(all_of(&otlp.namespace), vec![number(otlp.port.into())])),
    ];
    let added = component.parts.egress.iter().cloned();
    generated.into_iter().flatten().chain(added).collect()
}

/// Name resolution, wherever it is answered: by pods under whatever labels and in whatever namespace a
/// distribution has them, on the node's own network, or by a cache at a link-local address of the node. The last
/// two are no pods, so no selector finds them. (That it may also be outside the cluster gives nothing away: what
/// can be smuggled out in questions, the cluster's own resolver passes on as well.)
fn dns() -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule {
        to: None,
        ports: Some(vec![port("UDP", IntOrString::Int(DNS)), number(DNS)]),
    }
}

/// Numbers that the component's health is asked on and that are none of its ports: the managers ask there too.
/// (The kubelet asks from the node, which no policy keeps out.)
fn probed_numbers(component: &Component, kinds: &BTreeSet<Ports>) -> BTreeSet<i32> {
    let Some(health) = component.spec.health_check.as_ref() else {
        return BTreeSet::new();
    };
    let ports: BTreeSet<i32> = kinds.iter().flat_map(Ports::numbers).collect();
    health_ports(health).difference(&ports).copied().collect()
}

fn health_ports(health: &HealthCheckSpec) -> BTreeSet<i32> {
    let probes = [&health.liveness, &health.readiness, &health.startup];
    let probes = probes.into_iter().flatten().flat_map(|probe| {
        [
            probe.http_get.as_ref().map(|http| http.port.clone()),
            probe.tcp_socket.as_ref().map(|tcp| tcp.port.clone()),
            probe.grpc.as_ref().map(|grpc| IntOrString::Int(grpc.port)),
        ]
    });
    let numbers = probes.flatten().filter_map(|port| match port {
        IntOrString::Int(number) => Some(number),
        IntOrString::String(_) => None,
    });
    numbers.chain(health.port).collect()
}

/// The application's own pods, in both environments.
fn pods(app: &Application) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(selectors::application(&app.name)),
        ..NetworkPolicyPeer::default()
    }
}

/// The managers' pods and no others: managers confined to one namespace live beside the application.
fn managers(surroundings: &Surroundings) -> NetworkPolicyPeer {
    let labels = [
        (keys::COMPONENT, keys::MANAGERS_COMPONENT),
        (keys::PART_OF, keys::MANAGERS_PART_OF),
    ];
    NetworkPolicyPeer {
        pod_selector: Some(with_labels(labels)),
        ..all_of(&surroundings.managers_namespace)
    }
}

/// Every pod of that namespace.
fn all_of(namespace: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(with_labels([(keys::NAMESPACE_NAME, namespace)])),
        ..NetworkPolicyPeer::default()
    }
}

fn with_labels<const N: usize>(labels: [(&str, &str); N]) -> LabelSelector {
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    LabelSelector {
        match_labels: Some(labels.into()),
        match_expressions: None,
    }
}

fn from(
    peer: NetworkPolicyPeer,
    ports: Vec<NetworkPolicyPort>,
) -> Option<NetworkPolicyIngressRule> {
    Some(NetworkPolicyIngressRule {
        from: Some(vec![peer]),
        ports: Some(some(ports)?),
    })
}

fn to(peer: NetworkPolicyPeer, ports: Vec<NetworkPolicyPort>) -> Option<NetworkPolicyEgressRule> {
    Some(NetworkPolicyEgressRule {
        to: Some(vec![peer]),
        ports: Some(some(ports)?),
    })
}

fn name(name: &str) -> NetworkPolicyPort {
    port("TCP", IntOrString::String(name.to_owned()))
}

fn number(number: i32) -> NetworkPolicyPort {
    port("TCP", IntOrString::Int(number))
}

fn port(protocol: &str, port: IntOrString) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(port),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    }
}

/// The API server does not store an empty list.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests;
