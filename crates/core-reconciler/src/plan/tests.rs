//! Plans of worlds. A world is built by carrying out plans on it, as the API server would.

use std::sync::Arc;

use manager_kit::tracker::Target;
use manager_kit::writer::Write;
use restapi_types::{Environment, keys};
use serde_json::{Value, json};
use workloads::fixtures::{carry_out, put, restapi, summary, surroundings};
use workloads::plan::Drift;
use workloads::plan::Step;

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
