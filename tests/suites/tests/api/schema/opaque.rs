//! Containers and the pod template in Kubernetes' own form: what admission sees of them.

use serde_json::{Value, json};

use super::Case;
use super::place::Place;
use crate::support::apps::IMAGE;

pub fn cases() -> Vec<Case> {
    let view = Place::view();
    let spec = view.within("podOverrides.spec", json!({}));
    let mut all = Vec::new();
    for list in ["initContainers", "sidecars"] {
        all.extend(view.list(
            list,
            8,
            |n| json!({"name": format!("c{n}"), "image": IMAGE}),
        ));
        let twice = json!([{"name": "a"}, {"name": "a"}]);
        all.push(view.refuses(list, twice, &[&format!("{list}[1]"), "Duplicate value"]));
        all.extend(container(
            &view,
            list,
            [
                "a container must not use hostPort",
                "a container must not be privileged",
            ],
        ));
    }
    let node = "podOverrides must not set what is the node's";
    for list in ["containers", "initContainers"] {
        all.extend(spec.list(list, 16, |n| json!({"name": format!("c{n}")})));
        all.extend(container(&spec, list, [node, node]));
    }
    let taken = view.and("spec.view.initContainers", json!([{"name": "a"}]));
    all.push(taken.refuses(
        "sidecars",
        json!([{"name": "b"}, {"name": "a"}]),
        &["initContainers and sidecars hold the same name"],
    ));
    all.extend(template(&view));
    all.extend(of_the_node(&spec, node));
    all
}

/// What rules look at in a container.
fn container(place: &Place, list: &str, [no_port, no_privilege]: [&str; 2]) -> Vec<Case> {
    let first = place.within(&format!("{list}[0]"), json!({"name": "a", "image": IMAGE}));
    let mut all = first.text(
        "name",
        63,
        &["a", "log-1"],
        &["", "A", "a.b", "-a", "a_b", "ａ"],
    );
    all.push(place.refuses(
        list,
        json!([{"image": IMAGE}]),
        &[&format!("{list}[0].name"), "Required"],
    ));
    all.extend(first.list("ports", 16, |n| json!({"containerPort": 9000 + n})));
    let port = first.within("ports[0]", json!({"containerPort": 9000}));
    all.extend(port.accepts("hostPort", [json!(0)]));
    all.push(port.refuses("hostPort", json!(80), &[no_port]));
    all.extend(port.refuses_each(
        "hostPort",
        &[
            (json!(-1), "greater than or equal to 0"),
            (json!(65536), "less than or equal to 65535"),
            (json!("80"), "integer"),
        ],
    ));
    all.extend(first.object("securityContext"));
    let context = first.within("securityContext", json!({"runAsNonRoot": true}));
    all.extend(context.accepts("privileged", [json!(false)]));
    all.push(context.refuses("privileged", json!(true), &[no_privilege]));
    all.push(context.refuses("privileged", json!("true"), &["privileged", "boolean"]));
    all.extend(context.accepts("procMount", [json!("Default")]));
    all.push(context.refuses("procMount", json!("Unmasked"), &[no_privilege]));
    all.push(context.refuses("procMount", json!("u".repeat(33)), &["procMount", "32"]));
    all
}

fn template(view: &Place) -> Vec<Case> {
    let owned = "podOverrides must not set restapi.dev/…, app.kubernetes.io/… or pod-template-hash in labels";
    let overrides = view.within("podOverrides", json!({}));
    let metadata = overrides.within("metadata", json!({}));
    let mut all = view.object("podOverrides");
    all.extend(view.accepts(
        "podOverrides",
        [
            json!({}),
            json!({"spec": {"dnsPolicy": "Default", "runtimeClassName": "gvisor"}}),
        ],
    ));
    all.extend(overrides.object("metadata"));
    all.extend(overrides.object("spec"));
    for map in ["labels", "annotations"] {
        all.extend(metadata.map(map, 32, &json!("1")));
        all.push(metadata.refuses(
            map,
            json!({"restapi.dev/environment": "green"}),
            &[owned, "these are the operator's"],
        ));
        all.push(metadata.refuses(
            map,
            json!({"a": 1}),
            &[&format!("metadata.{map}.a"), "string"],
        ));
    }
    for key in ["app.kubernetes.io/instance", "pod-template-hash"] {
        all.push(metadata.refuses("labels", json!({key: "x"}), &[owned]));
    }
    all.push(metadata.refuses("labels", json!({"a": "b c"}), &["metadata.labels.a"]));
    all.push(metadata.refuses(
        "labels",
        json!({"a": "b".repeat(64)}),
        &["metadata.labels.a", "63"],
    ));
    all.push(metadata.refuses(
        "annotations",
        json!({"a": "b".repeat(4097)}),
        &["metadata.annotations.a", "4096"],
    ));
    all
}

fn of_the_node(spec: &Place, node: &str) -> Vec<Case> {
    let account = "podOverrides must not set serviceAccountName";
    let mut all = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        all.extend(spec.accepts(field, [json!(false)]));
        all.push(spec.refuses(field, json!(true), &[node, field]));
        all.push(spec.refuses(field, json!("true"), &[field, "boolean"]));
    }
    for (field, message) in [
        ("nodeName", node),
        ("serviceAccountName", account),
        ("serviceAccount", account),
    ] {
        // Nothing is accepted there but nothing, which is the same as leaving it out.
        all.extend(spec.accepts(field, [Value::Null]));
        all.push(spec.refuses(field, json!("other"), &[message]));
        all.push(spec.refuses(field, json!(""), &[message]));
        all.push(spec.refuses(field, json!("n".repeat(254)), &[field, "253"]));
        all.push(spec.refuses(field, json!(1), &[field, "string"]));
    }
    all
}
