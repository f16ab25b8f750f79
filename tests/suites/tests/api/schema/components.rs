//! Which components there are, and that each has an image.

use serde_json::{Value, json};

use super::{Case, accepted, refused, spec};
use crate::support::apps::{self, IMAGE};

pub fn cases() -> Vec<Case> {
    let mut all = which();
    all.extend(images());
    all
}

/// Which components an application has.
fn which() -> Vec<Case> {
    vec![
        accepted("all four with defaults", spec(&apps::four())),
        accepted(
            "no common image where each has its own",
            spec(&json!({"view": {"image": IMAGE}})),
        ),
        refused(
            "no component",
            spec(&json!({"image": IMAGE})),
            &[
                "spec names no component",
                "add at least one of model, view, controller, repository",
            ],
        ),
        refused("no spec", without_spec(), &["spec", "Required value"]),
        refused(
            "an unknown field",
            spec(&with(&["autoscale"], json!({}))),
            &["unknown field", "spec.autoscale"],
        ),
        refused(
            "an unknown field of a component",
            spec(&with(&["view", "portt"], json!(80))),
            &["unknown field", "spec.view.portt"],
        ),
        refused(
            "a component that is no object",
            spec(&with(&["view"], json!(true))),
            &["spec.view", "object"],
        ),
    ]
}

/// Where the image of each component comes from.
fn images() -> Vec<Case> {
    let mut cases = Vec::new();
    let messages: [(&str, &'static [&'static str]); 4] = [
        (
            "model",
            &[
                "spec.model has no image",
                "set spec.image or spec.model.image",
            ],
        ),
        (
            "view",
            &[
                "spec.view has no image",
                "set spec.image or spec.view.image",
            ],
        ),
        (
            "controller",
            &[
                "spec.controller has no image",
                "set spec.image or spec.controller.image",
            ],
        ),
        (
            "repository",
            &[
                "spec.repository has no image",
                "set spec.image or spec.repository.image",
            ],
        ),
    ];
    for (component, message) in messages {
        cases.push(accepted(
            component,
            spec(&json!({"image": IMAGE, component: {}})),
        ));
        cases.push(refused(component, spec(&json!({component: {}})), message));
    }
    cases
}

fn without_spec() -> Value {
    json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI", "metadata": {"name": "orders"}})
}

/// A valid spec with the field at `path` set.
fn with(path: &[&str], value: Value) -> Value {
    let nested = path
        .iter()
        .rev()
        .fold(value, |inner, key| json!({*key: inner}));
    let mut spec = json!({"image": IMAGE, "model": {}});
    if let (Some(spec), Value::Object(fields)) = (spec.as_object_mut(), nested) {
        spec.extend(fields);
    }
    spec
}
