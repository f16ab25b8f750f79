//! Labels, annotations and node selectors: keys, values, and what is the operator's.

use serde_json::json;

use super::Case;
use super::place::Place;

pub fn cases() -> Vec<Case> {
    let view = Place::view();
    let mut all = Vec::new();
    for (place, field) in [
        (view.clone(), "podAnnotations"),
        (view.within("service", json!({})), "annotations"),
        (view.within("serviceAccount", json!({})), "annotations"),
        (
            Place::top().within("serviceAccount", json!({})),
            "annotations",
        ),
        (Place::top().within("ingress", json!({})), "annotations"),
    ] {
        all.extend(annotations(&place, field));
    }
    all.extend(labels(&view, "podLabels"));
    all.extend(labels(
        &Place::top().within("monitoring", json!({})),
        "labels",
    ));
    all.extend(node_selector(&view));
    all
}

/// Keys that are none of labels and annotations.
const NO_KEYS: [&str; 12] = [
    "",
    "a b",
    "-a",
    "a-",
    "a/b/c",
    "/a",
    "a/",
    "A.com/x",
    "../etc/passwd",
    "a..b/x",
    "ｋey",
    "a\u{200b}b",
];

fn annotations(place: &Place, field: &str) -> Vec<Case> {
    let rule = "a key of annotations is [PREFIX/]NAME";
    let mut all = place.map(field, 32, &json!("1"));
    all.extend(place.accepts(
        field,
        [
            json!({"a": "", "example.com/Key_1.x": "any thing\n{\"a\": 1}"}),
            json!({"app.kubernetes.io/x": "1"}),
            json!({"a": "v".repeat(4096)}),
        ],
    ));
    for key in NO_KEYS
        .iter()
        .chain(&["restapi.dev/paused", "restapi.dev/"])
    {
        all.push(place.refuses(field, json!({*key: "1"}), &[rule, "restapi.dev"]));
    }
    all.push(place.refuses(field, json!({"k".repeat(64): "1"}), &[rule]));
    all.push(place.refuses(field, json!({"a": "v".repeat(4097)}), &["4096"]));
    all.push(place.refuses(field, json!({"a": 1}), &["must be of type string"]));
    all
}

fn labels(place: &Place, field: &str) -> Vec<Case> {
    let rule = "a key of labels is [PREFIX/]NAME";
    let mut all = place.map(field, 32, &json!("1"));
    all.extend(place.accepts(
        field,
        [
            json!({"a": "", "example.com/Key_1.x": "V-1_2.x"}),
            json!({"a": "v".repeat(63)}),
        ],
    ));
    let owned = [
        "restapi.dev/environment",
        "app.kubernetes.io/name",
        "pod-template-hash",
    ];
    for key in NO_KEYS.iter().chain(&owned) {
        all.push(place.refuses(
            field,
            json!({*key: "1"}),
            &[rule, "of which selectors are made"],
        ));
    }
    all.extend(label_values(place, field));
    all
}

fn label_values(place: &Place, field: &str) -> Vec<Case> {
    let mut all = Vec::new();
    for value in ["-a", "a-", "a b", "a/b", "ä", "a\n"] {
        all.push(place.refuses(field, json!({"a": value}), &[&format!("{field}.a")]));
    }
    all.push(place.refuses(field, json!({"a": "v".repeat(64)}), &["63"]));
    all.push(place.refuses(field, json!({"a": true}), &["must be of type string"]));
    all
}

fn node_selector(view: &Place) -> Vec<Case> {
    let mut all = view.map("nodeSelector", 32, &json!("1"));
    all.extend(view.accepts(
        "nodeSelector",
        [json!({"kubernetes.io/arch": "arm64", "disk": ""})],
    ));
    for key in NO_KEYS {
        all.push(view.refuses(
            "nodeSelector",
            json!({key: "1"}),
            &["a key of nodeSelector is [PREFIX/]NAME"],
        ));
    }
    all.extend(label_values(view, "nodeSelector"));
    all
}
