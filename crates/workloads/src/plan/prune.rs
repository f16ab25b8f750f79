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
use restapi_types::{ComponentName, Environment, keys, names};
use serde_json::Value;

use super::{Step, held};
use crate::counts::Counts;
use crate::kinds::{OwnedKind, is_workload};
use crate::world::{World, attempt_of, environment_of};

/// The kind of the records of revisions.
const RECORD: &str = "ControllerRevision";

/// Deletes of everything of those kinds that the application owns, that is not wanted, and that nothing live needs.
/// The table of `kinds` is made only where there is something to delete, which is hardly ever.
#[must_use]
pub fn surplus(
    app: &Application,
    mut wanted: BTreeSet<Target>,
    world: &World,
    kinds: impl FnOnce() -> Vec<OwnedKind>,
) -> Vec<Step> {
    let kept: Vec<_> = kept_records(app, world, &wanted).collect();
    wanted.extend(kept);
    let surplus = world.objects.iter().filter(|(kind, object)| {
        !wanted.contains(&target(kind, object))
            && is_ours(app, object)
            && !is_needed(app, kind, object, &wanted, world)
    });
    let mut surplus = surplus.peekable();
    if surplus.peek().is_none() {
        return Vec::new();
    }
    let kinds: BTreeMap<_, _> = kinds()
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
fn is_needed(
    app: &Application,
    kind: &str,
    object: &DynamicObject,
    wanted: &BTreeSet<Target>,
    world: &World,
) -> bool {
    let (name, labels) = (object.name_any(), object.labels());
    match kind {
        "Deployment" | "StatefulSet" => has_callers(object, wanted, world),
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

/// Whether a workload goes with its whole environment, and something nearer to the edge is left there: what is called
/// goes after all that call it.
fn has_callers(object: &DynamicObject, wanted: &BTreeSet<Target>, world: &World) -> bool {
    let Some(environment) = environment_of(object) else {
        return false;
    };
    let stays = |(kind, object): (&str, &Arc<DynamicObject>)| {
        is_workload(kind)
            && environment_of(object.as_ref()) == Some(environment)
            && wanted.contains(&target(kind, object))
    };
    if world.objects.iter().any(stays) {
        return false;
    }
    let name = object.labels().get(keys::COMPONENT);
    let own = name.and_then(|name| ComponentName::of(name));
    let is_nearer = |component: Option<ComponentName>| component > own;
    let pods = world
        .live_pods()
        .filter(|pod| is_in(pod.as_ref(), environment));
    let mut pods = pods.map(|pod| ComponentName::of(pod.labels().get(keys::COMPONENT)?));
    let mut workloads = world.workloads_in(environment);
    workloads.any(|(component, _)| is_nearer(Some(component))) || pods.any(is_nearer)
}

fn is_in(object: &impl kube::ResourceExt, environment: Environment) -> bool {
    environment_of(object) == Some(environment)
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

/// The newest of the records besides the one that the spec asks for, those of what runs, and any that an order to go
/// back names.
fn kept_records(
    app: &Application,
    world: &World,
    wanted: &BTreeSet<Target>,
) -> impl Iterator<Item = Target> + use<> {
    let mut all: Vec<_> = world
        .objects
        .of(RECORD)
        .map(|record| (number(record), target(RECORD, record)))
        .filter(|(_, record)| !wanted.contains(record))
        .collect();
    all.sort_by(|a, b| b.cmp(a));
    let named = held::named(&world.restapi, world.objects.of(RECORD).map(AsRef::as_ref));
    let environments = Environment::ALL.into_iter();
    let runs = environments.flat_map(|environment| world.workloads_in(environment));
    let run: BTreeSet<_> = runs
        .filter_map(|(_, workload)| Some(names::content(&app.name, &attempt_of(workload)?.hash)))
        .collect();
    all.into_iter()
        .enumerate()
        .filter(move |(i, (number, record))| {
            *i < HISTORY_LIMIT || named.contains(number) || run.contains(&record.name)
        })
        .map(|(_, (_, record))| record)
}

/// The number of the revision that a record is of.
fn number(record: &DynamicObject) -> i64 {
    let number = record.data.get("revision").and_then(Value::as_i64);
    number.unwrap_or_default()
}
