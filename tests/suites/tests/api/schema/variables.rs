//! Environment variables: names, reserved names, bounds.

use serde_json::{Map, Value, json};

use super::{Case, accepted, refused, spec, view};
use crate::support::apps::IMAGE;

pub fn cases() -> Vec<Case> {
    let mut all = vec![
        accepted("none", variables(&json!({}))),
        accepted("an empty value", variables(&json!({"EMPTY": ""}))),
        accepted(
            "a reference",
            variables(&json!({"UPSTREAM": "$(MODEL_URL)/v1"})),
        ),
        accepted(
            "every character of a name",
            variables(&json!({"_a.B-9": "1"})),
        ),
        accepted(
            "a name that only resembles a reserved one",
            variables(&json!({"MY_MODEL_URL": "1", "RESTAPI": "1"})),
        ),
        accepted(
            "the longest name",
            variables(&json!({"N".repeat(128): "1"})),
        ),
        accepted(
            "the longest value",
            variables(&json!({"LONG": "v".repeat(4096)})),
        ),
        accepted("as many as there may be", variables(&many(128))),
        accepted(
            "common ones",
            spec(&json!({"image": IMAGE, "envVars": {"REGION": "eu"}, "view": {}})),
        ),
        refused(
            "one more",
            variables(&many(129)),
            &["spec.view.envVars", "must have at most 128"],
        ),
        refused(
            "a value too long",
            variables(&json!({"LONG": "v".repeat(4097)})),
            &["spec.view.envVars.LONG", "4096"],
        ),
        refused(
            "a number",
            variables(&json!({"PORT": 80})),
            &["spec.view.envVars.PORT", "string"],
        ),
        refused(
            "the form of Kubernetes' own lists",
            variables(&json!([{"name": "A", "value": "1"}])),
            &["unknown field", "spec.view.envVars[0].name"],
        ),
    ];
    all.extend(names());
    all
}

fn names() -> Vec<Case> {
    let bad: &[&str] = &[
        "spec.view.envVars",
        "start with a letter or '_'",
        "at most 128 characters",
    ];
    let prefix: &[&str] = &[
        "spec.view.envVars",
        "must not set",
        "names that start with RESTAPI_",
        "choose another name",
    ];
    let peers: &[&str] = &[
        "spec.view.envVars",
        "must not set MODEL_URL",
        "choose another name",
    ];
    let mut cases: Vec<Case> = ["", "9LIVES", "A B", "A=B", "-A", "ÄRGER"]
        .into_iter()
        .map(|name| refused("a name that is none", variables(&json!({name: "1"})), bad))
        .collect();
    cases.push(refused(
        "a name too long",
        variables(&json!({"N".repeat(129): "1"})),
        bad,
    ));
    for name in ["RESTAPI_", "RESTAPI_POD", "RESTAPI_ANYTHING"] {
        cases.push(refused(
            "the operator's own",
            variables(&json!({name: "1"})),
            prefix,
        ));
    }
    for name in ["MODEL_URL", "VIEW_URL", "CONTROLLER_URL", "REPOSITORY_URL"] {
        cases.push(refused(
            "a peer's address",
            variables(&json!({name: "http://x"})),
            peers,
        ));
    }
    cases.push(refused(
        "the operator's own in the common ones",
        spec(&json!({"image": IMAGE, "envVars": {"RESTAPI_NAME": "x"}, "view": {}})),
        &["spec.envVars", "choose another name"],
    ));
    cases
}

fn variables(variables: &Value) -> Value {
    view(&json!({"envVars": variables}))
}

fn many(count: usize) -> Value {
    (0..count)
        .map(|n| (format!("V{n}"), json!("1")))
        .collect::<Map<_, _>>()
        .into()
}
