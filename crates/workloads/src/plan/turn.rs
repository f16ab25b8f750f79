//! Whose turn it is to write an application's workloads.
//!
//! The spec says who: bluegreen-manager where it has blue/green on, else core-reconciler. But each manager sees the
//! spec through a cache of its own that may be late, so the spec alone is no lock. Who takes over first notes that on
//! every stable Service, in exactly the state in which it was seen, and with the generation of the spec that says so:
//! whoever still sees an older spec finds the Services changed, and newer than what it sees (design §3).

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use manager_kit::writer::Marks;
use restapi_resources::Application;
use restapi_types::keys;

use super::Step;
use super::compare::annotation;
use crate::world::World;

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// Ours, as every stable Service says.
    Ours,
    /// Ours by the spec; these notes come before anything else.
    TakeOver(Vec<Step>),
    /// That manager's: nothing of workloads is ours to write.
    Of(&'static str),
}

/// The manager that writes the workloads of `app`, as its spec says.
#[must_use]
pub fn writer(app: &Application) -> &'static str {
    match app.spec.blue_green() {
        Some(_) => keys::BLUEGREEN_MANAGER,
        None => keys::CORE_RECONCILER,
    }
}

/// Whether it is the turn of the manager `me`.
#[must_use]
pub fn turn(app: &Application, world: &World, me: &'static str) -> Turn {
    let writer = writer(app);
    if writer != me {
        return Turn::Of(writer);
    }
    let services = world.stable_services(app);
    let is_newer = |service: &&DynamicObject| {
        let generation = service.labels().get(keys::GENERATION);
        generation.and_then(|g| g.parse().ok()) > Some(app.generation)
    };
    let others: Vec<_> = services
        // What is no manager's name is drift like any other.
        .filter(|service| annotation(&service.metadata, keys::WRITER) == Some(other(me)))
        .collect();
    if others.iter().any(is_newer) {
        // Somebody who sees a newer spec has it.
        return Turn::Of(other(me));
    }
    if others.is_empty() {
        return Turn::Ours;
    }
    let notes = others.into_iter().map(|service| note(app, service, me));
    Turn::TakeOver(notes.collect())
}

fn other(me: &'static str) -> &'static str {
    if me == keys::CORE_RECONCILER {
        keys::BLUEGREEN_MANAGER
    } else {
        keys::CORE_RECONCILER
    }
}

fn note(app: &Application, service: &DynamicObject, me: &str) -> Step {
    let mut marks = Marks::default();
    marks.annotate(keys::WRITER, me);
    marks.label(keys::GENERATION, &app.generation.to_string());
    Step::mark::<Service>(service, marks)
}
