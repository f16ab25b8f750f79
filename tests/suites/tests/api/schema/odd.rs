//! Objects that nobody would write on purpose: nulls, look-alikes, giants, and the wrong shape altogether.

use serde_json::{Map, Value, json};

use super::place::Place;
use super::{Case, accepted, named, refused, spec};
use crate::support::apps::{self, IMAGE};

pub fn cases() -> Vec<Case> {
    let mut all = nulls();
    all.extend(look_alikes());
    all.extend(giants());
    all.extend(shapes());
    all
}

/// A null is the same as an absent field, as in Kubernetes' own kinds.
fn nulls() -> Vec<Case> {
    let (top, view) = (Place::top(), Place::view());
    let mut all = Vec::new();
    for field in [
        "replicas",
        "envVars",
        "env",
        "model",
        "ingress",
        "paused",
        "imagePullSecrets",
        "healthCheck",
    ] {
        all.extend(top.accepts(field, [Value::Null]));
    }
    for field in [
        "replicas",
        "port",
        "command",
        "resources",
        "persistence",
        "podOverrides",
        "affinity",
        "strategy",
    ] {
        all.extend(view.accepts(field, [Value::Null]));
    }
    all.push(refused(
        "a null for the only component",
        spec(&json!({"image": IMAGE, "view": null})),
        &["spec names no component"],
    ));
    all.push(refused(
        "a null for the only image",
        spec(&json!({"image": null, "view": {}})),
        &["spec.view has no image"],
    ));
    all.push(refused(
        "a null inside a list",
        spec(&json!({"image": IMAGE, "view": {"args": [null]}})),
        &["spec.view.args[0]"],
    ));
    all.extend(
        Place::view()
            .within("resources", json!({}))
            .accepts("limits", [json!({"cpu": null})]),
    );
    all
}

/// Letters that look like others.
fn look_alikes() -> Vec<Case> {
    let view = Place::view();
    let mut all = Vec::new();
    // Cyrillic, full width, zero width, combining, right to left.
    for name in [
        "оrders",
        "ｏrders",
        "ord\u{200b}ers",
        "orde\u{301}rs",
        "\u{202e}sredro",
    ] {
        all.push(refused(
            name,
            named(name, &apps::view()),
            &["metadata.name"],
        ));
        all.push(Place::top().refuses(
            "image",
            json!(name),
            &["image is not a reference to an image"],
        ));
        all.push(view.refuses(
            "envVars",
            json!({name: "1"}),
            &["envVars holds a name that is none"],
        ));
    }
    all.push(view.refuses("роrt", json!(80), &["unknown field", "spec.view.роrt"]));
    all.push(view.refuses("Port", json!(80), &["unknown field", "spec.view.Port"]));
    all.push(view.refuses("port ", json!(80), &["unknown field"]));
    all.extend(view.accepts(
        "envVars",
        [json!({"GREETING": "ｈéllo \u{1f44b} \u{202e}"})],
    ));
    all
}

/// More than fits anywhere.
fn giants() -> Vec<Case> {
    let (top, view) = (Place::top(), Place::view());
    let map = |count: usize| {
        Value::Object(
            (0..count)
                .map(|n| (format!("K{n}"), json!("1")))
                .collect::<Map<_, _>>(),
        )
    };
    let mut all = vec![
        view.refuses(
            "envVars",
            map(10_000),
            &["spec.view.envVars", "at most 128"],
        ),
        view.refuses(
            "envVars",
            json!({"A": "x".repeat(1_000_000)}),
            &["spec.view.envVars.A", "4096"],
        ),
        view.refuses(
            "podAnnotations",
            map(10_000),
            &["spec.view.podAnnotations", "at most 32"],
        ),
        view.refuses(
            "args",
            json!(vec!["x"; 10_000]),
            &["spec.view.args", "at most 64"],
        ),
        view.refuses("replicas", json!(i64::MAX), &["spec.view.replicas"]),
        view.refuses("port", json!(-1_000_000_000_000_i64), &["spec.view.port"]),
        top.refuses("image", json!("i".repeat(100_000)), &["spec.image", "512"]),
        top.refuses(
            "additionalComponents",
            json!(vec![json!({"name": "a", "template": {}}); 1_000]),
            &["spec.additionalComponents", "at most 16"],
        ),
    ];
    // A request of three megabytes is the most that the API server reads.
    all.push(view.refuses("command", json!(["x".repeat(4_000_000)]), &["too large"]));
    all
}

fn shapes() -> Vec<Case> {
    let mut all = Vec::new();
    for (what, value) in [
        ("a text", json!("view")),
        ("a list", json!([])),
        ("a number", json!(1)),
        ("a null", Value::Null),
    ] {
        all.push(refused(what, spec(&value), &["spec"]));
    }
    let mut of_another_kind = spec(&apps::view());
    of_another_kind["kind"] = json!("RestApi");
    all.push(refused("another kind", of_another_kind, &["RestApi"]));
    let mut of_another_version = spec(&apps::view());
    of_another_version["apiVersion"] = json!("restapi.dev/v1");
    all.push(refused(
        "another version",
        of_another_version,
        &["RestAPI in version \"v1\" cannot be handled"],
    ));
    let mut with_status = spec(&apps::view());
    with_status["status"] = json!({"phase": "Ready"});
    all.push(accepted("a status, which is dropped", with_status.clone()));
    with_status["status"] = json!({"phase": "Fine"});
    all.push(accepted("any status, which is dropped", with_status));
    let mut beside = spec(&apps::view());
    beside["specs"] = json!({});
    all.push(refused(
        "a field beside spec",
        beside,
        &["unknown field", "specs"],
    ));
    let mut nameless = spec(&apps::view());
    nameless["metadata"] = json!({});
    all.push(refused(
        "no name",
        nameless,
        &["name or generateName is required"],
    ));
    all
}
