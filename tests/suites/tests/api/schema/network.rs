//! Ports, Services, and what may reach what.

use serde_json::json;

use super::place::Place;
use super::{Case, accepted, refused, spec};
use crate::support::apps::IMAGE;

pub fn cases() -> Vec<Case> {
    let mut all = ports();
    all.extend(extra_ports());
    all.extend(service());
    all.extend(addresses());
    all.extend(policies());
    all
}

fn ports() -> Vec<Case> {
    let view = Place::view();
    let worker = view.and("spec.view.port", json!(0));
    let no_meaning =
        "port 0 makes a worker that nobody calls, so service, protocol and exposed have no meaning";
    let mut all = view.number("port", 0, 65535);
    all.extend(view.choice("protocol", &["HTTP", "GRPC", "TCP"]));
    all.extend(view.flag("exposed"));
    all.extend(worker.accepts("exposed", [json!(false)]));
    all.push(worker.refuses("exposed", json!(true), &[no_meaning]));
    all.push(worker.refuses("protocol", json!("TCP"), &[no_meaning]));
    all.push(worker.refuses("service", json!({}), &[no_meaning, "or set a port"]));
    all
}

fn extra_ports() -> Vec<Case> {
    let view = Place::view();
    let first = view.within("extraPorts[0]", json!({"name": "metrics", "port": 9100}));
    let name = "extraPorts holds a name that is none of a port, or starts with main";
    let mut all = view.list(
        "extraPorts",
        8,
        |n| json!({"name": format!("p{n}"), "port": 9000 + n}),
    );
    all.extend(first.number("port", 1, 65535));
    all.extend(first.choice("protocol", &["HTTP", "GRPC", "TCP"]));
    all.extend(first.accepts(
        "name",
        [
            json!("a"),
            json!("1a"),
            json!("a-b-c"),
            json!("m".repeat(15)),
        ],
    ));
    for bad in [
        "1234", "a--b", "-a", "a-", "Metrics", "main", "main-2", "a.b", "а",
    ] {
        all.push(first.refuses("name", json!(bad), &["spec.view.extraPorts", name]));
    }
    all.push(first.refuses(
        "name",
        json!(""),
        &["extraPorts[0].name", "at least 1 chars"],
    ));
    all.push(first.refuses(
        "name",
        json!("m".repeat(16)),
        &["extraPorts[0].name", "more than 15"],
    ));
    all.extend(own_ports(&view));
    all
}

/// Each number once, the component's own included.
fn own_ports(view: &Place) -> Vec<Case> {
    let twice = "extraPorts holds a number twice, or the component's own port or its Service's";
    let own =
        "extraPorts holds the component's own port, which is 8080 of the model, 3000 of the view";
    let mut all = Vec::new();
    let two =
        |one: u16, other: u16| json!([{"name": "a", "port": one}, {"name": "b", "port": other}]);
    all.push(view.refuses("extraPorts", two(9000, 9000), &[twice]));
    let same = json!([{"name": "a", "port": 9000}, {"name": "a", "port": 9001}]);
    all.push(view.refuses("extraPorts", same, &["extraPorts[1]", "Duplicate value"]));
    all.push(view.and("spec.view.port", json!(9000)).refuses(
        "extraPorts",
        two(9000, 9001),
        &[twice],
    ));
    all.push(
        view.and("spec.view.service", json!({"port": 9001}))
            .refuses("extraPorts", two(9000, 9001), &[twice]),
    );
    for (component, port) in [
        ("model", 8080),
        ("view", 3000),
        ("controller", 8081),
        ("repository", 8082),
    ] {
        let ports = json!([{"name": "a", "port": port}]);
        let with = |fields| spec(&json!({"image": IMAGE, component: fields}));
        all.push(refused(
            component,
            with(json!({"extraPorts": ports})),
            &[own],
        ));
        all.push(accepted(
            component,
            with(json!({"port": 8000, "extraPorts": ports})),
        ));
    }
    all
}

fn service() -> Vec<Case> {
    let view = Place::view();
    let any = view.within("service", json!({}));
    let balanced = view.within("service", json!({"type": "LoadBalancer"}));
    let on_nodes = view.within("service", json!({"type": "NodePort"}));
    let needs_balancer = "service.loadBalancerClass and service.loadBalancerSourceRanges need service.type LoadBalancer";
    let needs_nodes = "service.externalTrafficPolicy and service.nodePort need service.type NodePort or LoadBalancer";
    let mut all = view.object("service");
    all.extend(any.choice("type", &["ClusterIP", "NodePort", "LoadBalancer"]));
    all.push(any.refuses(
        "type",
        json!("ExternalName"),
        &["service.type", "supported values"],
    ));
    all.extend(any.number("port", 1, 65535));
    all.extend(any.choice("sessionAffinity", &["None", "ClientIP"]));
    all.extend(on_nodes.number("nodePort", 1, 65535));
    all.push(any.refuses("nodePort", json!(30000), &[needs_nodes]));
    all.extend(balanced.choice("externalTrafficPolicy", &["Cluster", "Local"]));
    all.push(any.refuses("externalTrafficPolicy", json!("Local"), &[needs_nodes]));
    let longest_prefix = format!("{}/i", "a".repeat(189));
    all.extend(balanced.text(
        "loadBalancerClass",
        253,
        &[&longest_prefix, "internal", "example.com/internal-vip"],
        &["", "a b", "-a", "a/b/c", "/a", "a..b/c", "ａ"],
    ));
    all.push(on_nodes.refuses("loadBalancerClass", json!("internal"), &[needs_balancer]));
    all.push(any.refuses(
        "loadBalancerSourceRanges",
        json!(["10.0.0.0/8"]),
        &[needs_balancer],
    ));
    all
}

fn addresses() -> Vec<Case> {
    let balanced = Place::view().within("service", json!({"type": "LoadBalancer"}));
    let no_range = "service.loadBalancerSourceRanges holds a value that is no range of addresses";
    let mut all = balanced.list("loadBalancerSourceRanges", 32, |n| {
        json!(format!("10.{n}.0.0/16"))
    });
    all.extend(balanced.accepts(
        "loadBalancerSourceRanges",
        [json!(["2001:db8::/32", "203.0.113.7/32"])],
    ));
    for bad in [
        "10.0.0.0",
        "10.0.0.0/33",
        "all",
        "10.0.0/8",
        "",
        "10.0.0.0/8 ",
    ] {
        all.push(balanced.refuses(
            "loadBalancerSourceRanges",
            json!([bad]),
            &[no_range, "203.0.113.0/24"],
        ));
    }
    all
}

fn policies() -> Vec<Case> {
    let mut all = Vec::new();
    for place in Place::both() {
        let policy = place.within("networkPolicy", json!({}));
        all.extend(place.object("networkPolicy"));
        all.extend(policy.flag("enabled"));
        for direction in ["ingress", "egress"] {
            let peers = if direction == "ingress" { "from" } else { "to" };
            all.extend(policy.list(
                direction,
                16,
                |n| json!({peers: [{"ipBlock": {"cidr": format!("10.{n}.0.0/16")}}]}),
            ));
            all.push(policy.refuses(
                direction,
                json!(["all"]),
                &[&format!("networkPolicy.{direction}[0]"), "object"],
            ));
        }
    }
    all
}
