//! Objects for tests, as the API server would return them.

use std::sync::Arc;

use manager_kit::writer::Write;
use restapi_resources::surroundings::Surroundings;
use restapi_types::RestAPI;
use serde_json::{Value, json};

use crate::plan::{Plan, Step};
use crate::world::World;

/// A stored `RestAPI` `shop/orders` of generation 1 with that spec.
///
/// # Panics
/// When it can't be read as one.
#[allow(clippy::unwrap_used)]
#[must_use]
pub fn restapi(spec: &Value) -> RestAPI {
    serde_json::from_value(json!({
        "apiVersion": "restapi.dev/v1alpha1",
        "kind": "RestAPI",
        "metadata": {
            "name": "orders", "namespace": "shop", "uid": "owner-uid", "generation": 1, "resourceVersion": "1"
        },
        "spec": spec,
    }))
    .unwrap()
}

/// Managers in `restapi-system`, and nothing else.
#[must_use]
pub fn surroundings() -> Surroundings {
    Surroundings {
        managers_namespace: "restapi-system".to_owned(),
        monitoring_namespace: None,
        otlp: None,
    }
}

/// The verbs and objects of a plan, in order.
#[must_use]
pub fn summary(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| match &step.write {
        Write::Create(d) => format!("create {} {}", d.resource.kind, d.name),
        Write::Apply(d, ..) => format!("apply {} {}", d.resource.kind, d.name),
        Write::Replace(d, _, lists) => {
            let at = lists.first().map_or("", |(at, _)| at);
            format!("replace {at} in {} {}", d.resource.kind, d.name)
        }
        Write::Mark(_, t, ..) => format!("mark {} {}", t.kind, t.name),
        Write::Delete(_, t, _) => format!("delete {} {}", t.kind, t.name),
    };
    plan.waves.iter().flatten().map(line).collect()
}

/// Puts `body` into the world, replacing what has its kind and name.
///
/// # Panics
/// When it is no object.
#[allow(clippy::unwrap_used)]
pub fn put(world: &mut World, body: Value) {
    let kind = body
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let object = serde_json::from_value(body).unwrap();
    world.objects.put(&kind, Arc::new(object));
}

/// Carries the plan out on the world, as the API server would.
pub fn carry_out(world: &mut World, plan: &Plan) {
    for step in plan.waves.iter().flatten() {
        carry_out_one(world, &step.write);
    }
}

/// Carries one write out on the world. The API server would refuse one whose object is not there.
pub fn carry_out_one(world: &mut World, write: &Write) {
    match write {
        Write::Create(draft) | Write::Replace(draft, ..) => {
            let mut body = draft.body.clone();
            merge(
                &mut body,
                &json!({"metadata": {"uid": format!("uid-{}", draft.name), "resourceVersion": "5"}}),
            );
            put(world, body);
        }
        Write::Apply(draft, ..) => {
            let Some(live) = world.objects.get(&draft.resource.kind, &draft.name) else {
                return;
            };
            // What the draft does not name stays, as other field managers own it.
            let mut body = json!(live.as_ref());
            if draft.resource.kind == "Service" && draft.body.pointer("/spec/selector").is_some() {
                // A selector has one owner.
                if let Some(selector) = body.pointer_mut("/spec/selector") {
                    selector.take();
                }
            }
            merge(&mut body, &draft.body);
            put(world, body);
        }
        Write::Mark(_, target, _, marks) => {
            let Some(live) = world.objects.get(&target.kind, &target.name) else {
                return;
            };
            let mut body = json!(live.as_ref());
            merge(&mut body, &marks.patch());
            put(world, body);
        }
        Write::Delete(_, target, _) => world.objects.take(target),
    }
}

/// A merge patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}
