//! Whatever the spec says: nobody is admitted whom neither the spec nor the surroundings named. The policies are
//! evaluated as the API's documentation says that a network does it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The namespace of the fixtures' application.
const HOME: &str = "shop";
const STRANGER: &str = "stranger";

type Labels = BTreeMap<String, String>;

/// A pod somewhere in the cluster.
struct Place<'a> {
    namespace: &'a str,
    labels: Labels,
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let equal = selector.match_labels.iter().flatten();
    let exist = selector.match_expressions.iter().flatten();
    equal
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && exist.into_iter().all(|requirement| {
            assert_eq!(requirement.operator, "Exists");
            labels.contains_key(&requirement.key)
        })
}

fn is_peer(peer: &NetworkPolicyPeer, place: &Place<'_>) -> bool {
    let namespace = Labels::from([(keys::NAMESPACE_NAME.to_owned(), place.namespace.to_owned())]);
    let in_namespace = peer
        .namespace_selector
        .as_ref()
        .map_or(place.namespace == HOME, |selector| {
            selects(selector, &namespace)
        });
    let pod = peer.pod_selector.as_ref();
    peer.ip_block.is_none() && in_namespace && pod.is_none_or(|s| selects(s, &place.labels))
}

fn covers(ports: Option<&Vec<NetworkPolicyPort>>, name: &str, number: i32) -> bool {
    ports.is_none_or(|ports| {
        ports.iter().any(|port| match &port.port {
            None => true,
            Some(IntOrString::Int(n)) => *n == number,
            Some(IntOrString::String(n)) => n == name,
        })
    })
}

fn admits(policy: &NetworkPolicy, place: &Place<'_>, name: &str, number: i32) -> bool {
    let rules = policy.spec.as_ref().unwrap().ingress.iter().flatten();
    rules.into_iter().any(|rule| {
        let from = rule.from.as_ref();
        from.is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, place)))
            && covers(rule.ports.as_ref(), name, number)
    })
}

fn lets_out(policy: &NetworkPolicy, place: &Place<'_>, number: i32) -> bool {
    let rules = policy.spec.as_ref().unwrap().egress.iter().flatten();
    rules.into_iter().any(|rule| {
        let to = rule.to.as_ref();
        to.is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, place)))
            && covers(rule.ports.as_ref(), "", number)
    })
}

fn component() -> impl Strategy<Value = Value> {
    let port = prop::option::of(prop::sample::select(vec![0, 80, 3000, 8080]));
    let extra = prop::collection::btree_map("(metrics|admin|[a-l]{3})", 9000..9999_i32, 0..3);
    let exposed = prop::option::of(any::<bool>());
    let type_ = prop::option::of(prop::sample::select(vec!["ClusterIP", "NodePort"]));
    let protocol = prop::option::of(prop::sample::select(vec!["HTTP", "GRPC", "TCP"]));
    let friends = prop::collection::vec("friend[0-9]", 0..3);
    let health = prop::option::of(1..9999_i32);
    (port, extra, exposed, type_, protocol, friends, health).prop_map(
        |(port, extra, exposed, type_, protocol, friends, health)| {
            let extra: Vec<_> = extra.iter().map(|(n, p)| json!({"name": n, "port": p})).collect();
            let peer = |n: &String| json!({"namespaceSelector": {"matchLabels": {keys::NAMESPACE_NAME: n}}});
            let from: Vec<_> = friends.iter().map(|n| json!({"from": [peer(n)]})).collect();
            let to: Vec<_> = friends.iter().map(|n| json!({"to": [peer(n)]})).collect();
            json!({
                "port": port, "extraPorts": extra, "exposed": exposed, "service": {"type": type_.unwrap_or("ClusterIP")},
                "protocol": protocol, "networkPolicy": {"ingress": from, "egress": to}, "healthCheck": {"port": health},
            })
        },
    )
}

fn application() -> impl Strategy<Value = Value> {
    let routed = prop::option::of(prop::sample::select(vec!["view", "model", "worker"]));
    (component(), component(), component(), routed).prop_map(|(view, model, worker, routed)| {
        let ingress = routed.map(|component| json!({"routes": [{"component": component}]}));
        json!({
            "image": "a", "view": view, "model": model, "ingress": ingress,
            "additionalComponents": [{"name": "worker", "template": worker}],
        })
    })
}

fn around() -> impl Strategy<Value = Surroundings> {
    let somewhere = || prop::sample::select(vec![HOME, "restapi-system", "monitoring", "tracing"]);
    let otlp = (somewhere(), prop::sample::select(vec![53_u16, 4317, 8080]));
    (
        somewhere(),
        prop::option::of(somewhere()),
        prop::option::of(otlp),
    )
        .prop_map(|(managers, monitoring, otlp)| Surroundings {
            managers_namespace: managers.to_owned(),
            monitoring_namespace: monitoring.map(str::to_owned),
            otlp: otlp.map(|(namespace, port)| Otlp {
                namespace: namespace.to_owned(),
                port,
            }),
        })
}

/// The labels that open the most doors.
fn disguise(app: &Application, component: &Component) -> Labels {
    let mut labels = labels::workload(&app.name, component.name, restapi_types::Environment::Blue);
    labels.insert(keys::PART_OF.to_owned(), keys::MANAGERS_PART_OF.to_owned());
    labels.insert(
        keys::COMPONENT.to_owned(),
        keys::MANAGERS_COMPONENT.to_owned(),
    );
    labels
}

proptest! {
    #[test]
    fn strangers_reach_open_main_ports_and_nothing_else(
        spec in application(), around in around(), unknown in 1..65535_i32,
    ) {
        let app = app(&spec);
        for component in &app.components {
            let policy = network_policy(&app, component, &around, &LivePorts::default()).unwrap();
            let stranger = Place { namespace: STRANGER, labels: disguise(&app, component) };
            // A pod of the same namespace that is no part of the application.
            let neighbour = Place {
                namespace: HOME,
                labels: Labels::from([(keys::INSTANCE.to_owned(), app.name.clone())]),
            };
            let is_home_named = around.monitoring_namespace.as_deref() == Some(HOME);
            let ports = Ports::of(component);
            let ports = ports.names().map(|name| (name, ports.number(name).unwrap()));
            for (name, number) in ports.chain([("", unknown)]) {
                let open = name == MAIN && routing::is_open(&app, component);
                prop_assert_eq!(admits(&policy, &stranger, name, number), open, "{} {}", name, number);
                if !is_home_named {
                    prop_assert_eq!(admits(&policy, &neighbour, name, number), open, "{} {}", name, number);
                }
                prop_assert_eq!(lets_out(&policy, &stranger, number), number == DNS, "{}", number);
            }
        }
    }

    #[test]
    fn components_reach_each_other(spec in application(), around in around()) {
        let app = app(&spec);
        for called in &app.components {
            let to = network_policy(&app, called, &around, &LivePorts::default()).unwrap();
            for caller in &app.components {
                let from = network_policy(&app, caller, &around, &LivePorts::default()).unwrap();
                let place = |component: &Component| Place {
                    namespace: HOME,
                    labels: labels::workload(&app.name, component.name, restapi_types::Environment::Green),
                };
                let ports = Ports::of(called);
                for name in ports.names() {
                    let number = ports.number(name).unwrap();
                    prop_assert!(admits(&to, &place(caller), name, number), "{} {}", name, number);
                    prop_assert!(lets_out(&from, &place(called), number), "{} {}", name, number);
                }
            }
        }
    }
}
