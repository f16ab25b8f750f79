//! Images, replicas, ports and command lines: types and bounds.

use serde_json::{Value, json};

use super::{Case, accepted, refused, spec, view};
use crate::support::apps::IMAGE;

pub fn cases() -> Vec<Case> {
    let mut all = numbers();
    all.extend(images());
    all.extend(commands());
    all
}

fn numbers() -> Vec<Case> {
    let common = |replicas: Value| spec(&json!({"image": IMAGE, "replicas": replicas, "view": {}}));
    let least: &[&str] = &["spec.view.port", "should be greater than or equal to 0"];
    vec![
        accepted("no replicas at all", view(&json!({"replicas": 0}))),
        accepted("the most replicas", view(&json!({"replicas": 1000}))),
        accepted("the most common replicas", common(json!(1000))),
        refused(
            "negative replicas",
            view(&json!({"replicas": -1})),
            &["spec.view.replicas", "greater than or equal to 0"],
        ),
        refused(
            "too many replicas",
            view(&json!({"replicas": 1001})),
            &["spec.view.replicas", "less than or equal to 1000"],
        ),
        refused(
            "negative common replicas",
            common(json!(-1)),
            &["spec.replicas", "greater than or equal to 0"],
        ),
        refused(
            "too many common replicas",
            common(json!(1001)),
            &["spec.replicas", "less than or equal to 1000"],
        ),
        refused(
            "replicas in words",
            common(json!("three")),
            &["spec.replicas", "integer"],
        ),
        refused(
            "half a replica",
            common(json!(1.5)),
            &["spec.replicas", "integer"],
        ),
        accepted("the first port", view(&json!({"port": 1}))),
        accepted("the last port", view(&json!({"port": 65535}))),
        accepted(
            "the same port twice",
            spec(&json!({"image": IMAGE, "view": {"port": 80}, "model": {"port": 80}})),
        ),
        accepted("port 0: a worker", view(&json!({"port": 0}))),
        refused("a negative port", view(&json!({"port": -80})), least),
        refused(
            "a port too high",
            view(&json!({"port": 65536})),
            &["spec.view.port", "less than or equal to 65535"],
        ),
        refused(
            "a port by name",
            view(&json!({"port": "http"})),
            &["spec.view.port", "integer"],
        ),
    ]
}

fn images() -> Vec<Case> {
    let image = |image: &str| spec(&json!({"image": image, "view": {}}));
    let longest = "a".repeat(512);
    let no_reference: &[&str] = &[
        "image is not a reference to an image",
        "write NAME, NAME:TAG or NAME@DIGEST",
    ];
    vec![
        accepted("a name", image("orders")),
        accepted(
            "name, port and tag",
            image("images.example.invalid:5000/shop/orders:1.2_rc-3"),
        ),
        accepted(
            "a digest",
            image(&format!("orders@sha256:{}", "0".repeat(64))),
        ),
        accepted("the longest reference", image(&longest)),
        accepted("a component's own", view(&json!({"image": "other:1"}))),
        refused("empty", image(""), &["spec.image", "at least 1 chars long"]),
        refused(
            "one character more",
            image(&format!("{longest}a")),
            &["spec.image", "may not be more than 512"],
        ),
        refused("a space", image("orders :1"), no_reference),
        refused(
            "a space in a component's own",
            view(&json!({"image": "my image"})),
            &["spec.view.image", "NAME:TAG"],
        ),
        refused("a line break", image("orders:1\n"), no_reference),
        refused(
            "not a string",
            spec(&json!({"image": 7, "view": {}})),
            &["spec.image", "string"],
        ),
    ]
}

fn commands() -> Vec<Case> {
    let words = |field: &str, count: usize, length: usize| {
        view(&json!({field: vec!["w".repeat(length); count]}))
    };
    vec![
        accepted("empty lists", view(&json!({"command": [], "args": []}))),
        accepted("the longest command", words("command", 64, 2048)),
        accepted("the longest arguments", words("args", 64, 2048)),
        refused(
            "too many words",
            words("command", 65, 1),
            &["spec.view.command", "must have at most 64 items"],
        ),
        refused(
            "too many arguments",
            words("args", 65, 1),
            &["spec.view.args", "must have at most 64 items"],
        ),
        refused(
            "a word too long",
            words("command", 1, 2049),
            &["spec.view.command[0]", "may not be more than 2048"],
        ),
        refused(
            "an argument too long",
            words("args", 1, 2049),
            &["spec.view.args[0]", "may not be more than 2048"],
        ),
        refused(
            "a command line in one string",
            view(&json!({"command": "run --fast"})),
            &["spec.view.command", "array"],
        ),
    ]
}
