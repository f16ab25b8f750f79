//! Components beside the four, and fields that stand at the top and in components alike.

use serde_json::{Value, json};

use super::place::Place;
use super::routing::name_of;
use super::{Case, accepted, refused, spec};
use crate::support::apps::IMAGE;

pub fn cases() -> Vec<Case> {
    let mut all = names();
    all.extend(templates());
    for place in Place::both() {
        all.extend(place.choice("imagePullPolicy", &["Always", "IfNotPresent", "Never"]));
        all.extend(place.number("replicas", 0, 1000));
    }
    let top = Place::top();
    all.extend(top.list("imagePullSecrets", 8, |n| json!({"name": format!("s{n}")})));
    let twice = json!([{"name": "a"}, {"name": "a"}]);
    all.push(top.refuses(
        "imagePullSecrets",
        twice,
        &["imagePullSecrets[1]", "Duplicate value"],
    ));
    all.push(top.refuses(
        "imagePullSecrets",
        json!([{}]),
        &["imagePullSecrets[0].name", "Required"],
    ));
    all.push(top.refuses(
        "imagePullSecrets",
        json!(["a"]),
        &["imagePullSecrets[0]", "object"],
    ));
    all.extend(name_of(
        &top.within("imagePullSecrets[0]", json!({})),
        "name",
    ));
    for component in ["model", "view", "controller", "repository"] {
        all.extend(top.object(component));
    }
    all.extend(Place::view().choice(
        "resourceProfile",
        &["CpuIntensive", "MemoryIntensive", "Balanced", "IoIntensive"],
    ));
    let resources = Place::view().within("resources", json!({}));
    all.extend(Place::view().object("resources"));
    all.extend(resources.object("requests"));
    all.extend(resources.object("limits"));
    all
}

fn component(name: &str) -> Value {
    json!({"name": name, "template": {}})
}

fn names() -> Vec<Case> {
    let top = Place::top();
    let first = top.within("additionalComponents[0]", json!({"template": {}}));
    let none = "additionalComponents holds a name that can't be one: at most 15 lower-case letters and digits";
    let mut all = top.list("additionalComponents", 16, |n| {
        component(&format!("worker{n}"))
    });
    all.extend(first.accepts(
        "name",
        [
            json!("a"),
            json!("worker2"),
            json!("models"),
            json!("w".repeat(15)),
        ],
    ));
    for bad in [
        "model",
        "view",
        "controller",
        "repository",
        "blue",
        "green",
        "Worker",
        "2nd",
        "a-b",
        "a.b",
        "a_b",
        "wörker",
        "ѕtore",
        "a b",
    ] {
        all.push(first.refuses("name", json!(bad), &["additionalComponents[0]", none]));
    }
    all.push(first.refuses(
        "name",
        json!(""),
        &["additionalComponents[0].name", "at least 1"],
    ));
    all.push(first.refuses(
        "name",
        json!("w".repeat(16)),
        &["additionalComponents[0].name", "more than 15"],
    ));
    all.push(first.refuses(
        "name",
        json!(1),
        &["additionalComponents[0].name", "string"],
    ));
    let twice = json!([component("a"), component("a")]);
    all.push(top.refuses(
        "additionalComponents",
        twice,
        &["additionalComponents[1]", "Duplicate value"],
    ));
    all
}

fn templates() -> Vec<Case> {
    let first = Place::top().within("additionalComponents[0]", json!({"name": "worker"}));
    let template = first.within("template", json!({}));
    let own = |template: Value| {
        spec(&json!({"additionalComponents": [{"name": "worker", "template": template}]}))
    };
    let mut all = first.object("template");
    all.push(first.refuses(
        "template",
        Value::Null,
        &["additionalComponents[0].template", "Required"],
    ));
    all.push(accepted(
        "an additional component alone",
        own(json!({"image": IMAGE})),
    ));
    all.push(refused(
        "an additional component without an image",
        own(json!({})),
        &["spec.additionalComponents holds one without an image: set spec.image or its template.image"],
    ));
    all.extend(template.number("port", 0, 65535));
    all.push(template.refuses(
        "portt",
        json!(1),
        &["unknown field", "additionalComponents[0].template.portt"],
    ));
    all.push(template.refuses(
        "priorityClassName",
        json!("system-x"),
        &["must not be a class of the system"],
    ));
    all.push(template.refuses(
        "volumes",
        json!([{"name": "a", "hostPath": {}}]),
        &["volumes must not use hostPath"],
    ));
    all
}
