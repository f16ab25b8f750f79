//! What exists, by label and owner, and is wanted no more. Never by remembering what was made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use manager_kit::cache::version;
use manager_kit::tracker::Target;
use manager_kit::writer::Write;
use restapi_resources::Application;
use restapi_resources::controller_revision::HISTORY_LIMIT;
use restapi_types::keys;
use serde_json::Value;
use workloads::counts::Counts;
use workloads::kinds::{OwnedKind, is_workload};
use workloads::plan::Step;
use workloads::world::World;

use crate::kinds;

/// The kind of the records of revisions.
const RECORD: &str = "ControllerRevision";

/// Deletes of everything that the application owns, that is not wanted, and that nothing live needs.
pub(super) fn surplus(app: &Application, mut wanted: BTreeSet<Target>, world: &World) -> Vec<Step> {
    let kept: Vec<_> = kept_records(world, &wanted).collect();
    wanted.extend(kept);
    let surplus = world.objects.iter().filter(|(kind, object)| {
        !wanted.contains(&target(kind, object))
            && is_ours(app, object)
            && !is_needed(app, kind, object, world)
    });
    let mut surplus = surplus.peekable();
    if surplus.peek().is_none() {
        // Nearly always; the table of kinds is not made for nothing.
        return Vec::new();
    }
    let kinds: BTreeMap<_, _> = kinds::owned()
        .into_iter()
        .map(|kind| (kind.resource.kind.clone(), kind))
        .collect();
    surplus
        .filter_map(|(kind, object)| Some(delete(kinds.get(kind)?, object)))
        .collect()
}

fn target(kind: &str, object: &DynamicObject) -> Target {
    Target {
        kind: kind.to_owned(),
        name: object.name_any(),
    }
}

fn delete(kind: &OwnedKind, object: &DynamicObject) -> Step {
    let target = target(&kind.resource.kind, object);
    Step {
        role: kind.role,
        write: Write::Delete(kind.resource.clone(), target, version(object)),
    }
}

/// Whether the application owns the object, and it is not going already.
fn is_ours(app: &Application, object: &DynamicObject) -> bool {
    let owners = object.owner_references();
    object.metadata.deletion_timestamp.is_none()
        && owners
            .iter()
            .any(|r| r.uid == app.uid && r.controller == Some(true))
}

/// Whether something that still lives needs the object, although the spec does not.
fn is_needed(app: &Application, kind: &str, object: &DynamicObject, world: &World) -> bool {
    let (name, labels) = (object.name_any(), object.labels());
    match kind {
        "Service" => has_pods(labels, world),
        // Of a component that is there, the spec wants none: only pods of one that is gone keep theirs.
        "NetworkPolicy" => {
            !has_component(app, labels) && pods_of_component(labels, world).next().is_some()
        }
        "ServiceAccount" => {
            let runs_as_it = |pod: &Arc<Pod>| {
                let spec = pod.spec.as_ref();
                spec.and_then(|s| s.service_account_name.as_ref()) == Some(&name)
            };
            world.live_pods().any(runs_as_it) || templates_name(&name, world)
        }
        // A pod of the old template may still have to be made, or its container be started again.
        "ConfigMap" => templates_name(&name, world) || is_rolling(labels, world),
        "PersistentVolumeClaim" => templates_name(&name, world),
        _ => false,
    }
}

/// Whether the pod template of a workload names an object: its write may have been held up, so that it is
/// not what the spec asks for.
fn templates_name(name: &str, world: &World) -> bool {
    fn holds(value: &Value, name: &str) -> bool {
        match value {
            Value::String(text) => text == name,
            Value::Array(items) => items.iter().any(|item| holds(item, name)),
            Value::Object(fields) => fields.values().any(|field| holds(field, name)),
            _ => false,
        }
    }
    let mut templates = workloads(world).filter_map(|w| w.data.pointer("/spec/template/spec"));
    templates.any(|template| holds(template, name))
}

/// Whether pods of a component are being replaced.
fn is_rolling(labels: &BTreeMap<String, String>, world: &World) -> bool {
    let component = labels.get(keys::COMPONENT);
    let mut workloads = workloads(world).filter(|w| w.labels().get(keys::COMPONENT) == component);
    workloads.any(|workload| !Counts::of(workload).is_rolled_out())
}

/// Whether a Service of one environment still has a pod, or a workload that could make one: requests on
/// their way to it must still find it.
fn has_pods(labels: &BTreeMap<String, String>, world: &World) -> bool {
    let Some(environment) = labels.get(keys::ENVIRONMENT) else {
        return false;
    };
    let belongs = |other: &BTreeMap<String, String>| {
        other.get(keys::ENVIRONMENT) == Some(environment)
            && other.get(keys::COMPONENT) == labels.get(keys::COMPONENT)
    };
    world.live_pods().any(|pod| belongs(pod.labels()))
        || workloads(world).any(|workload| belongs(workload.labels()))
}

fn has_component(app: &Application, labels: &BTreeMap<String, String>) -> bool {
    let component = labels.get(keys::COMPONENT);
    let mut all = app.components.iter();
    all.any(|c| component.is_some_and(|name| c.name.as_str() == name))
}

fn pods_of_component<'a>(
    labels: &'a BTreeMap<String, String>,
    world: &'a World,
) -> impl Iterator<Item = &'a Arc<Pod>> + 'a {
    let component = labels.get(keys::COMPONENT);
    let pods = world.live_pods();
    pods.filter(move |pod| pod.labels().get(keys::COMPONENT) == component)
}

fn workloads(world: &World) -> impl Iterator<Item = &Arc<DynamicObject>> {
    let all = world.objects.iter();
    all.filter(|(kind, _)| is_workload(kind))
        .map(|(_, object)| object)
}

/// The newest of the records besides the one that the spec asks for, and any that an order to go back names.
fn kept_records(world: &World, wanted: &BTreeSet<Target>) -> impl Iterator<Item = Target> + use<> {
    let mut all: Vec<_> = world
        .objects
        .of(RECORD)
        .map(|record| (number(record), target(RECORD, record)))
        .filter(|(_, record)| !wanted.contains(record))
        .collect();
    all.sort_by(|a, b| b.cmp(a));
    let order = world.restapi.annotations().get(keys::ROLLBACK);
    let ordered = order.and_then(|order| order.parse::<i64>().ok());
    all.into_iter()
        .enumerate()
        .filter(move |(i, (number, _))| *i < HISTORY_LIMIT || ordered == Some(*number))
        .map(|(_, (_, record))| record)
}

/// The number of the revision that a record is of.
fn number(record: &DynamicObject) -> i64 {
    let number = record.data.get("revision").and_then(Value::as_i64);
    number.unwrap_or_default()
}
