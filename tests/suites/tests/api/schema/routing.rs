//! Ingress and routes of the Gateway API.

use serde_json::{Value, json};

use super::place::Place;
use super::{Case, accepted, refused, spec};
use crate::support::apps::IMAGE;

pub fn cases() -> Vec<Case> {
    let mut all = ingress();
    all.extend(gateway());
    all.extend(destinations());
    all
}

fn ingress() -> Vec<Case> {
    let top = Place::top();
    let ingress = top.within("ingress", json!({}));
    let mut all = top.object("ingress");
    all.extend(ingress.flag("enabled"));
    all.extend(name_of(&ingress, "className"));
    all.extend(hosts(&ingress, "hosts"));
    all.extend(routes(&ingress, 32));
    all.extend(ingress.object("tls"));
    all.push(ingress.refuses(
        "tls",
        json!({}),
        &["ingress.tls needs secretName (a Secret with the certificate) or clusterIssuer"],
    ));
    let tls = ingress.within("tls", json!({}));
    all.extend(name_of(&tls, "secretName"));
    all.extend(name_of(&tls, "clusterIssuer"));
    all.extend(ingress.accepts("tls", [json!({"secretName": "a", "clusterIssuer": "b"})]));
    all
}

fn gateway() -> Vec<Case> {
    let top = Place::top();
    let gateway = top.within("gateway", json!({"parentRefs": [{"name": "edge"}]}));
    let mut all = top.object("gateway");
    all.push(top.refuses(
        "gateway",
        json!({}),
        &["spec.gateway.parentRefs", "Required"],
    ));
    all.extend(gateway.flag("enabled"));
    all.extend(gateway.list("parentRefs", 8, |n| json!({"name": format!("edge{n}")})));
    all.push(gateway.refuses(
        "parentRefs",
        json!([]),
        &["spec.gateway.parentRefs", "at least 1 items"],
    ));
    all.push(gateway.refuses(
        "parentRefs",
        json!([{}]),
        &["parentRefs[0].name", "Required"],
    ));
    let elsewhere = json!([{"name": "edge", "namespace": "other"}]);
    all.push(gateway.refuses(
        "parentRefs",
        elsewhere,
        &["unknown field", "parentRefs[0].namespace"],
    ));
    let first = gateway.within("parentRefs[0]", json!({"name": "edge"}));
    all.extend(name_of(&first, "name"));
    all.extend(name_of(&first, "sectionName"));
    all.extend(hosts(&gateway, "hostnames"));
    all.extend(routes(&gateway, 16));
    all
}

/// The name of an object.
pub fn name_of(place: &Place, field: &str) -> Vec<Case> {
    place.text(
        field,
        253,
        &["a", "shop-2.example"],
        &[
            "", "Shop", "a_b", "-a", "a-", "a..b", ".a", "a/b", "../a", "a b", "ａ",
        ],
    )
}

fn hosts(place: &Place, field: &str) -> Vec<Case> {
    let mut all = place.list(field, 16, |n| json!(format!("shop{n}.example.com")));
    all.extend(place.accepts(field, [json!(["*.example.com", "localhost"])]));
    for bad in [
        "",
        "Shop.example.com",
        "shop.example.com:80",
        "http://shop",
        "*",
        "a.*.b",
        "shop..com",
        "a_b",
        "-a.com",
        "ѕhop.com",
        "shop.com/x",
    ] {
        all.push(place.refuses(field, json!([bad]), &[&format!("{field}[0]")]));
    }
    all.push(place.refuses(
        field,
        json!(["a".repeat(254)]),
        &[&format!("{field}[0]"), "253"],
    ));
    for address in ["203.0.113.7", "127.0.0.1"] {
        all.push(place.refuses(
            field,
            json!([address]),
            &["an address is no host name", "shop.example.com"],
        ));
    }
    all
}

fn routes(place: &Place, most: usize) -> Vec<Case> {
    let mut all = place.list(
        "routes",
        most,
        |n| json!({"component": "view", "path": format!("/{n}")}),
    );
    all.push(place.refuses("routes", json!([{}]), &["routes[0].component", "Required"]));
    let first = place.within("routes[0]", json!({"component": "view"}));
    all.extend(first.accepts("component", [json!("view")]));
    for bad in [
        json!(""),
        json!("View"),
        json!("a-b"),
        json!("c".repeat(16)),
        json!(1),
    ] {
        all.push(first.refuses("component", bad, &["routes[0].component"]));
    }
    all.extend(first.text(
        "path",
        512,
        &[
            "/a",
            "/",
            "/a.b/c-d_e~/%20/x",
            "/shop.Orders/List",
            "/a...b",
        ],
        &[
            "", "a", "/a b", "/a?x=1", "/a#b", "/ä", "/a%2", "/a%zz", "/a\\b",
        ],
    ));
    for bad in [
        "//", "/a//b", "/a/./b", "/a/../b", "/a/..", "/.", "/a%2fb", "/a%2Fb",
    ] {
        all.push(first.refuses(
            "path",
            json!(bad),
            &["a route's path must not hold '//', a part '.' or '..', nor a '/' written as %2F"],
        ));
    }
    all.extend(first.choice("pathType", &["Prefix", "Exact"]));
    all
}

/// Where routes lead to.
fn destinations() -> Vec<Case> {
    let parents = json!([{"name": "edge"}]);
    let app = |component: &str, kind: &str, routes: Option<&str>| {
        let mut entry = json!({"parentRefs": parents});
        if kind == "ingress" {
            entry = json!({});
        }
        if let Some(to) = routes {
            entry["routes"] = json!([{"component": to}]);
        }
        spec(&json!({"image": IMAGE, component: {}, kind: entry}))
    };
    let mut all = Vec::new();
    for kind in ["ingress", "gateway"] {
        let astray =
            format!("spec.{kind}.routes leads to a component that the application does not have");
        for component in ["model", "view", "controller", "repository"] {
            all.push(accepted(
                "a route to what there is",
                app(component, kind, Some(component)),
            ));
            let other = if component == "view" { "model" } else { "view" };
            all.push(refused(
                "a route to what there is not",
                app(component, kind, Some(other)),
                &[&astray],
            ));
        }
        all.push(accepted("everything to the view", app("view", kind, None)));
        all.push(refused(
            "no view and no route",
            app("model", kind, None),
            &["lead to the view unless they have routes, and there is no view"],
        ));
        all.push(refused(
            "to nobody",
            app("view", kind, Some("worker")),
            &[&astray],
        ));
        let mut entry: Value = json!({"routes": [{"component": "worker"}]});
        if kind == "gateway" {
            entry["parentRefs"] = parents.clone();
        }
        let worker = json!([{"name": "worker", "template": {"port": 80}}]);
        all.push(accepted(
            "to an additional component",
            spec(&json!({"image": IMAGE, "additionalComponents": worker, kind: entry})),
        ));
    }
    all
}
