//! Plans of worlds. A world is built by carrying out plans on it, as the API server would.

use std::sync::Arc;

use manager_kit::tracker::Target;
use manager_kit::writer::Write;
use restapi_types::{Environment, keys};
use serde_json::{Value, json};
use workloads::fixtures::{restapi, surroundings};
use workloads::kinds::Role;
use workloads::plan::Drift;

use super::*;

fn spec() -> Value {
    json!({"image": "app:1", "view": {}, "model": {"envVars": {"EMPTY": ""}, "resources": {"limits": {"cpu": "1000m"}}}})
}

fn world(spec: &Value) -> World {
    World::empty(Arc::new(restapi(spec)))
}

fn plan_of(world: &World) -> Plan {
    plan(world.app.as_ref().unwrap(), world, &surroundings()).unwrap()
}

/// The verbs and objects of a plan, in order.
fn summary(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| match &step.write {
        Write::Create(d) => format!("create {} {}", d.resource.kind, d.name),
        Write::Apply(d, ..) => format!("apply {} {}", d.resource.kind, d.name),
        Write::Replace(d, _, lists) => {
            format!("replace {} in {} {}", lists[0].0, d.resource.kind, d.name)
        }
        Write::Delete(_, t, _) => format!("delete {} {}", t.kind, t.name),
    };
    plan.waves.iter().flatten().map(line).collect()
}

/// Puts `body` into the world, replacing what has its kind and name.
fn put(world: &mut World, body: Value) {
    let kind = body["kind"].as_str().unwrap().to_owned();
    world
        .objects
        .put(&kind, Arc::new(serde_json::from_value(body).unwrap()));
}

/// Carries the plan out on the world.
fn carry_out(world: &mut World, plan: &Plan) {
    for step in plan.waves.iter().flatten() {
        match &step.write {
            Write::Create(draft) | Write::Replace(draft, ..) => {
                let mut body = draft.body.clone();
                body["metadata"]["uid"] = json!(format!("uid-{}", draft.name));
                body["metadata"]["resourceVersion"] = json!("5");
                put(world, body);
            }
            Write::Apply(draft, ..) => {
                // What the draft does not name stays, as other field managers own it.
                let (kind, name) = (&draft.resource.kind, &draft.name);
                let mut body = json!(world.objects.get(kind, name).unwrap().as_ref());
                if kind == "Service" && draft.body.pointer("/spec/selector").is_some() {
                    // A selector has one owner.
                    body["spec"]["selector"].take();
                }
                json_patch::merge(&mut body, &draft.body);
                put(world, body);
            }
            Write::Delete(_, target, _) => world.objects.take(target),
        }
    }
}

fn settled(spec: &Value) -> World {
    let mut world = world(spec);
    let plan = plan_of(&world);
    carry_out(&mut world, &plan);
    world
}

/// A new spec, as a new generation.
fn change(world: &mut World, spec: &Value) {
    let mut changed = restapi(spec);
    changed.metadata.generation = Some(world.restapi.metadata.generation.unwrap() + 1);
    changed.metadata.annotations = world.restapi.metadata.annotations.clone();
    world.app = Application::resolve(&changed);
    world.restapi = Arc::new(changed);
}

/// An annotation on the `RestAPI`, or none.
fn annotate(world: &mut World, key: &str, value: Option<&str>) {
    let mut changed = (*world.restapi).clone();
    let annotations = changed.metadata.annotations.get_or_insert_default();
    annotations.remove(key);
    annotations.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    world.restapi = Arc::new(changed);
}

/// One object of the world as JSON, changed and put back.
fn tamper(world: &mut World, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
    let mut body = json!(world.objects.get(kind, name).unwrap().as_ref());
    change(&mut body);
    put(world, body);
}

mod adopt;
mod obstacles;
mod replicas;
mod rollback;
mod undone;
mod writes;
