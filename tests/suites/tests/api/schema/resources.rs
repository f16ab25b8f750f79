//! Requests and limits: quantities, names, order.

use serde_json::{Value, json};

use super::{Case, accepted, refused, view};

pub fn cases() -> Vec<Case> {
    let mut all = accepted_ones();
    all.extend(not_quantities());
    all.extend(misplaced());
    all
}

fn accepted_ones() -> Vec<Case> {
    let limits = |cpu: Value| resources(&json!({"limits": {"cpu": cpu}}));
    let mut cases = vec![
        accepted("nothing", resources(&json!({}))),
        accepted(
            "empty maps",
            resources(&json!({"requests": {}, "limits": {}})),
        ),
        accepted(
            "the request is the limit",
            both(&json!("1"), &json!("1000m")),
        ),
        accepted("a request below the limit", both(&json!("250m"), &json!(1))),
        accepted(
            "a request without a limit",
            resources(&json!({"requests": {"cpu": "8"}, "limits": {"memory": "1Gi"}})),
        ),
        accepted("zero", limits(json!("0"))),
        accepted(
            "everything that there is",
            resources(
                &json!({"limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}}),
            ),
        ),
    ];
    for spelling in [
        json!("1000m"),
        json!("0.5"),
        json!(1),
        json!("1e3"),
        json!("1E"),
        json!("1024Mi"),
        json!("+1"),
    ] {
        cases.push(accepted("an odd spelling", limits(spelling)));
    }
    cases
}

/// What is no quantity.
fn not_quantities() -> Vec<Case> {
    let none: &[&str] = &[
        "spec.view.resources",
        "holds a value that is not a quantity of 0 or more",
        "128Mi",
    ];
    ["", "128MB", "1 Gi", "a lot", "1,5", "0x10", "--1"]
        .into_iter()
        .flat_map(|text| {
            [
                refused("a request that is none", request(&json!(text)), none),
                refused("a limit that is none", limit(&json!(text)), none),
            ]
        })
        .collect()
}

/// Quantities that are not allowed where they stand.
fn misplaced() -> Vec<Case> {
    let negative: &[&str] = &["spec.view.resources", "not a quantity of 0 or more"];
    vec![
        refused("a negative request", request(&json!("-1")), negative),
        refused("a negative limit", limit(&json!(-1)), negative),
        refused(
            "a request above the limit",
            both(&json!("2"), &json!("1500m")),
            &[
                "resources.requests must not exceed resources.limits",
                "raise the limit or lower the request",
            ],
        ),
        refused(
            "an unknown name in requests",
            resources(&json!({"requests": {"gpu": "1"}})),
            &["may name cpu, memory and ephemeral-storage only"],
        ),
        refused(
            "an unknown name in limits",
            resources(&json!({"limits": {"memroy": "1Gi"}})),
            &["may name cpu, memory and ephemeral-storage only"],
        ),
        refused(
            "more than there are",
            resources(
                &json!({"limits": {"cpu": "1", "memory": "1", "ephemeral-storage": "1", "d": "1"}}),
            ),
            &["spec.view.resources.limits", "must have at most 3"],
        ),
        refused(
            "longer than any number",
            limit(&json!("1".repeat(33))),
            &["spec.view.resources.limits.memory", "32"],
        ),
        refused(
            "a fraction that is no string",
            limit(&json!(0.5)),
            &["spec.view.resources.limits.memory", "integer"],
        ),
        refused(
            "claims",
            resources(&json!({"claims": []})),
            &["unknown field", "spec.view.resources.claims"],
        ),
    ]
}

fn request(memory: &Value) -> Value {
    resources(&json!({"requests": {"memory": memory}}))
}

fn limit(memory: &Value) -> Value {
    resources(&json!({"limits": {"memory": memory}}))
}

fn resources(resources: &Value) -> Value {
    view(&json!({"resources": resources}))
}

/// A request and a limit of CPU.
fn both(request: &Value, limit: &Value) -> Value {
    resources(&json!({"requests": {"cpu": request}, "limits": {"cpu": limit}}))
}
