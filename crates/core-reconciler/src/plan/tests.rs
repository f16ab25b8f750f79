//! Plans of worlds. A world is built by carrying out plans on it, as the API server would.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::restapi;

fn spec() -> Value {
    json!({"image": "app:1", "view": {}, "model": {"envVars": {"EMPTY": ""}, "resources": {"limits": {"cpu": "1000m"}}}})
}

fn world(spec: &Value) -> World {
    World {
        restapi: Arc::new(restapi(spec)),
        deployments: Vec::new(),
        services: Vec::new(),
        service_accounts: Vec::new(),
        revisions: Vec::new(),
        pods: Vec::new(),
    }
}

fn plan_of(world: &World) -> Plan {
    plan(&Application::resolve(&world.restapi).unwrap(), world).unwrap()
}

impl Plan {
    /// Whether nothing is to be written and nothing stands in the way.
    fn is_settled(&self) -> bool {
        self.waves.is_empty() && self.obstacles.is_empty()
    }
}

/// The verbs and objects of a plan, in order.
fn summary(plan: &Plan) -> Vec<String> {
    let line = |write: &Write| match write {
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
    fn replace<K: kube::Resource + serde::de::DeserializeOwned>(
        objects: &mut Vec<Arc<K>>,
        body: Value,
    ) {
        let object: K = serde_json::from_value(body).unwrap();
        objects.retain(|o| o.name_any() != object.name_any());
        objects.push(Arc::new(object));
    }
    match body["kind"].as_str().unwrap() {
        "Deployment" => replace(&mut world.deployments, body),
        "Service" => replace(&mut world.services, body),
        "ServiceAccount" => replace(&mut world.service_accounts, body),
        "ControllerRevision" => replace(&mut world.revisions, body),
        other => panic!("{other} is none of ours"),
    }
}

/// Carries the plan out on the world.
fn carry_out(world: &mut World, plan: &Plan) {
    for write in plan.waves.iter().flatten() {
        match write {
            Write::Create(draft) | Write::Apply(draft, ..) | Write::Replace(draft, ..) => {
                let mut body = draft.body.clone();
                body["metadata"]["uid"] = json!(format!("uid-{}", draft.name));
                body["metadata"]["resourceVersion"] = json!("5");
                put(world, body);
            }
            Write::Delete(_, target, _) => {
                world
                    .deployments
                    .retain(|o| target.kind != "Deployment" || o.name_any() != target.name);
                world
                    .services
                    .retain(|o| target.kind != "Service" || o.name_any() != target.name);
                world
                    .revisions
                    .retain(|o| target.kind != "ControllerRevision" || o.name_any() != target.name);
            }
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
    world.restapi = Arc::new(changed);
}

/// One object of the world as JSON, changed and put back.
fn tamper(world: &mut World, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
    fn find<K: kube::Resource + serde::Serialize>(objects: &[Arc<K>], name: &str) -> Value {
        json!(
            objects
                .iter()
                .find(|o| o.name_any() == name)
                .unwrap()
                .as_ref()
        )
    }
    let mut body = match kind {
        "Deployment" => find(&world.deployments, name),
        "Service" => find(&world.services, name),
        "ServiceAccount" => find(&world.service_accounts, name),
        _ => find(&world.revisions, name),
    };
    change(&mut body);
    put(world, body);
}

mod obstacles;
mod writes;
