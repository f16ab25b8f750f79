//! Variables in Kubernetes' own form: what they may refer to.

use serde_json::{Value, json};

use super::Case;
use super::place::Place;

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for place in Place::both() {
        all.extend(env(&place));
        all.extend(sources(&place));
        all.extend(of_the_pod(&place));
        all.extend(env_from(&place));
    }
    all
}

/// Names of variables that are none.
const NO_NAMES: [&str; 7] = ["", "9LIVES", "A B", "A=B", "-A", "ÄRGER", "А"];

fn env(place: &Place) -> Vec<Case> {
    let first = place.within("env[0]", json!({"name": "A"}));
    let owned = "env must not set MODEL_URL, VIEW_URL, CONTROLLER_URL, REPOSITORY_URL nor names that start with RESTAPI_";
    let mut all = place.list(
        "env",
        64,
        |n| json!({"name": format!("V{n}"), "value": "1"}),
    );
    all.extend(first.text("name", 128, &["A", "_a.B-9"], &NO_NAMES));
    all.extend(first.text("value", 4096, &["1", "", "$(RESTAPI_POD)"], &[]));
    for name in [
        "RESTAPI_POD",
        "RESTAPI_",
        "MODEL_URL",
        "VIEW_URL",
        "CONTROLLER_URL",
        "REPOSITORY_URL",
    ] {
        all.push(first.refuses("name", json!(name), &[owned, "choose another name"]));
    }
    all.push(place.refuses("env", json!([{"value": "1"}]), &["env[0].name", "Required"]));
    let twice = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
    all.push(place.refuses("env", twice, &["env[1]", "Duplicate value"]));
    let field = json!({"fieldRef": {"fieldPath": "metadata.name"}});
    let both = json!([{"name": "A", "value": "1", "valueFrom": field}]);
    all.push(place.refuses(
        "env",
        both,
        &["env sets value and valueFrom of one variable"],
    ));
    let values = place.within("envVars", json!({"A": "1"}));
    let what = "envVars set the same name: keep one of the two";
    let path = if place.is_top() { "spec" } else { "spec.view" };
    let beside = place.and(&format!("{path}.envVars"), json!({"B": "1"}));
    all.extend(beside.accepts("env", [json!([{"name": "A", "value": "1"}])]));
    all.push(beside.refuses("env", json!([{"name": "B", "value": "1"}]), &[what]));
    all.extend(values.text("B", 4096, &["1"], &[]));
    all
}

/// Exactly one source for each variable.
fn sources(place: &Place) -> Vec<Case> {
    let first = place.within("env[0]", json!({"name": "A"}));
    let from = first.within("valueFrom", json!({}));
    let not_one = "env has a valueFrom that names not exactly one source";
    let mut all = first.object("valueFrom");
    all.push(first.refuses("valueFrom", json!({}), &[not_one]));
    let two = json!({"fieldRef": {"fieldPath": "metadata.name"}, "configMapKeyRef": {"name": "a", "key": "b"}});
    all.push(first.refuses("valueFrom", two, &[not_one]));
    for field in ["configMapKeyRef", "secretKeyRef"] {
        let reference = from.within(field, json!({"name": "settings", "key": "a"}));
        all.extend(from.object(field));
        all.extend(object_name(&reference));
        all.extend(reference.text(
            "key",
            253,
            &["a", "app.properties", ".env", "a-B_1"],
            &["", ".", "..", "../x", "..a", "a/b", "a b", "ａ"],
        ));
        all.extend(reference.flag("optional"));
        for required in ["name", "key"] {
            all.push(reference.refuses(required, Value::Null, &[required, "Required"]));
        }
    }
    all
}

/// The name of a ConfigMap or a Secret, which becomes a part of a request's path.
fn object_name(reference: &Place) -> Vec<Case> {
    reference.text(
        "name",
        253,
        &["settings", "shop.a-1"],
        &[
            "",
            "Settings",
            "a_b",
            "-a",
            "a-",
            "a/b",
            "../a",
            "a b",
            "a%2fb",
            "ѕettings",
        ],
    )
}

/// What of its own pod a variable can hold.
fn of_the_pod(place: &Place) -> Vec<Case> {
    let from = place
        .within("env[0]", json!({"name": "A"}))
        .within("valueFrom", json!({}));
    let field = from.within("fieldRef", json!({}));
    let mut all = from.object("fieldRef");
    let good = [
        "metadata.name",
        "metadata.uid",
        "metadata.labels['app.kubernetes.io/instance']",
        "metadata.annotations['a']",
        "spec.nodeName",
        "status.podIP",
        "status.hostIPs",
    ];
    all.extend(field.accepts("fieldPath", good.map(|path| json!(path))));
    for bad in [
        "",
        "metadata",
        "spec.containers",
        "metadata.labels",
        "metadata.labels['a b']",
        "metadata.labels['']",
        "status.phase",
        "metadata.name ",
        "../name",
    ] {
        all.push(field.refuses("fieldPath", json!(bad), &["fieldRef.fieldPath"]));
    }
    all.push(field.refuses(
        "fieldPath",
        json!("m".repeat(271)),
        &["fieldRef.fieldPath", "270"],
    ));
    all.push(from.refuses("fieldRef", json!({}), &["fieldRef.fieldPath", "Required"]));
    let old = json!({"apiVersion": "v1beta1", "fieldPath": "metadata.name"});
    all.push(from.refuses("fieldRef", old, &["unknown field", "fieldRef.apiVersion"]));
    let resource = from.within("resourceFieldRef", json!({"resource": "limits.cpu"}));
    all.extend(from.object("resourceFieldRef"));
    let good = ["limits.cpu", "requests.memory", "limits.ephemeral-storage"];
    all.extend(resource.accepts("resource", good.map(|name| json!(name))));
    for bad in [
        json!(""),
        json!("cpu"),
        json!("limits.gpu"),
        json!("limits.cpu2"),
        json!("r".repeat(33)),
        json!(1),
    ] {
        all.push(resource.refuses("resource", bad, &["resourceFieldRef.resource"]));
    }
    all.extend(resource.text("containerName", 1024, &["view"], &[]));
    all.push(resource.refuses("divisor", json!("1Mi"), &["unknown field", "divisor"]));
    all.push(from.refuses(
        "resourceFieldRef",
        json!({}),
        &["resourceFieldRef.resource", "Required"],
    ));
    all
}

fn env_from(place: &Place) -> Vec<Case> {
    let not_one = "envFrom holds an entry that names not exactly one source";
    let first = place.within("envFrom[0]", json!({"configMapRef": {"name": "a"}}));
    let none = place.within("envFrom[0]", json!({}));
    let mut all = place.list(
        "envFrom",
        16,
        |n| json!({"secretRef": {"name": format!("s{n}")}}),
    );
    all.push(place.refuses("envFrom", json!([{}]), &[not_one]));
    all.push(first.refuses("secretRef", json!({"name": "b"}), &[not_one]));
    all.extend(first.text("prefix", 128, &["A", "APP_"], &NO_NAMES));
    all.push(first.refuses(
        "prefix",
        json!("RESTAPI_X"),
        &["envFrom must not use the prefix RESTAPI_"],
    ));
    for field in ["configMapRef", "secretRef"] {
        let reference = none.within(field, json!({"name": "settings"}));
        all.extend(none.object(field));
        all.push(none.refuses(field, json!({}), &[&format!("{field}.name"), "Required"]));
        all.extend(object_name(&reference));
        all.extend(reference.flag("optional"));
    }
    all
}
