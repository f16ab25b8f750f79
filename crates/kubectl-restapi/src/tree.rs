//! An application as a tree: its revisions, where they run, what of, and in which pods. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt as _;
use restapi_types::status::{CommandStatus, RolloutPhase};
use restapi_types::{AttemptMark, ComponentName, Environment, Phase, RestAPI, keys, names};
use serde::Serialize;

use crate::marks::{self, Mark};
use crate::objects::Objects;
use crate::pods::{self, PodLine};
use crate::{answer, standing};

/// The version of what is written for programs.
pub const API_VERSION: &str = "cli.restapi.dev/v1";

/// An application.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tree {
    /// [`API_VERSION`].
    pub api_version: &'static str,
    /// Always `Rollout`.
    pub kind: &'static str,
    /// What is said of it as a whole.
    #[serde(flatten)]
    pub head: Head,
    /// Its revisions, the newest first.
    pub revisions: Vec<Revision>,
}

/// What is said of an application as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub namespace: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Where it stands, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Whether it is ready, and why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// The environment that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_environment: Option<Environment>,
    /// With blue/green on, what is said of the rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// The condition Ready.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word for programs.
    pub reason: String,
    /// What stands between it and ready.
    pub message: String,
}

/// What bluegreen-manager says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Whether it speaks of the spec as it is now.
    pub is_current: bool,
    /// Where it stands, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<RolloutPhase>,
    /// What is done or waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The number of the revision that the spec asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The number of the revision that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving: Option<i64>,
    /// The revision that `rollback` goes back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<i64>,
    /// What became of the last command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandStatus>,
}

/// A revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Its number; none where something runs of which there is no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Since when it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// What it is to the application by now.
    pub marks: Vec<Mark>,
    /// Where it runs.
    pub environments: Vec<Place>,
}

/// An environment in which a revision runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Which one.
    pub name: Environment,
    /// The number of the attempt at the revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// What runs there, what others call first.
    pub components: Vec<Component>,
}

/// A component in an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its name.
    pub name: String,
    /// How many of its pods are ready.
    pub ready: i32,
    /// Of how many that are asked for.
    pub wanted: i32,
    /// Its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Its pods.
    pub pods: Vec<PodLine>,
}

/// The application that `objects` are of.
#[must_use]
pub fn tree(objects: &Objects) -> Tree {
    let restapi = &objects.restapi;
    Tree {
        api_version: API_VERSION,
        kind: "Rollout",
        head: head(restapi),
        revisions: revisions(objects),
    }
}

fn head(restapi: &RestAPI) -> Head {
    let status = restapi.status.clone().unwrap_or_default();
    let is_current = restapi.rollout().is_some();
    let is_on = standing::is_blue_green(restapi);
    let rollout = status.blue_green.filter(|_| is_on).map(|told| Rollout {
        is_current,
        phase: told.phase,
        message: told.message,
        revision: told.revision,
        serving: told.serving,
        rollback_to: told.rollback_to,
        command: told.command,
    });
    Head {
        name: restapi.name_any(),
        namespace: restapi.namespace().unwrap_or_default(),
        created: created(&restapi.metadata),
        phase: status.phase,
        ready: answer::ready(restapi).map(|ready| Ready {
            status: ready.status.clone(),
            reason: ready.reason.clone(),
            message: ready.message.clone(),
        }),
        active_environment: status.active_environment,
        rollout,
    }
}

fn revisions(objects: &Objects) -> Vec<Revision> {
    let restapi = objects.restapi.as_ref();
    let records = || objects.records.iter().map(AsRef::as_ref);
    let serving = marks::serving_in_place(restapi, records());
    let mut places: Vec<_> = Environment::ALL
        .into_iter()
        .filter_map(|environment| place(objects, environment, serving))
        .collect();
    let mut all: Vec<_> = records()
        .map(|record| {
            let is_here = |(number, _): &mut (Option<i64>, Place)| *number == Some(record.revision);
            let here = places.extract_if(.., is_here);
            let environments = here.map(|(_, place)| place).collect();
            let marks = marks::marks(restapi, record, records());
            revision(restapi, record, serving, marks, environments)
        })
        .collect();
    all.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    // What runs without a record comes last: nobody can go back to it.
    all.extend(places.into_iter().map(|(number, place)| Revision {
        number,
        created: None,
        marks: Vec::new(),
        environments: vec![place],
    }));
    all
}

fn revision(
    restapi: &RestAPI,
    record: &ControllerRevision,
    serving: Option<i64>,
    mut marks: Vec<Mark>,
    environments: Vec<Place>,
) -> Revision {
    if !standing::is_blue_green(restapi) && serving == Some(record.revision) {
        marks.insert(0, Mark::Serving);
    }
    Revision {
        number: Some(record.revision),
        created: created(&record.metadata),
        marks,
        environments,
    }
}

/// What runs in an environment, if anything, and the number of its revision.
fn place(
    objects: &Objects,
    environment: Environment,
    serving: Option<i64>,
) -> Option<(Option<i64>, Place)> {
    let mut components = BTreeMap::new();
    let mut attempts = BTreeMap::new();
    for run in runs(objects, environment) {
        if let Some(attempt) = run.attempt {
            attempts.insert(run.component, attempt);
        }
        components.insert(run.component, run.line);
    }
    for pod in &objects.pods {
        let Some(component) = part(&pod.metadata, environment) else {
            continue;
        };
        let line = components
            .entry(component)
            .or_insert_with(|| of(component, 0, 0, None));
        line.pods.push(pods::line(pod));
    }
    if components.is_empty() {
        return None;
    }
    // The component that others call first is the first that is made: it says whose the environment is.
    let attempt = attempts.into_values().next();
    let number = match &attempt {
        Some(attempt) => number_of(objects, attempt),
        None => told(&objects.restapi, environment).or(serving),
    };
    let mut components: Vec<_> = components.into_values().collect();
    for component in &mut components {
        component.pods.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let place = Place {
        name: environment,
        attempt: attempt.map(|attempt| attempt.number),
        components,
    };
    Some((number, place))
}

/// A workload.
struct Run {
    component: ComponentName,
    attempt: Option<AttemptMark>,
    line: Component,
}

fn runs(objects: &Objects, environment: Environment) -> impl Iterator<Item = Run> + '_ {
    let deployments = objects.deployments.iter().filter_map(move |workload| {
        let spec = workload.spec.as_ref()?;
        let status = workload.status.as_ref();
        let ready = status.and_then(|status| status.ready_replicas);
        run(
            &workload.metadata,
            environment,
            ready,
            spec.replicas,
            &spec.template,
        )
    });
    let stateful_sets = objects.stateful_sets.iter().filter_map(move |workload| {
        let spec = workload.spec.as_ref()?;
        let status = workload.status.as_ref();
        let ready = status.and_then(|status| status.ready_replicas);
        run(
            &workload.metadata,
            environment,
            ready,
            spec.replicas,
            &spec.template,
        )
    });
    deployments.chain(stateful_sets)
}

fn run(
    metadata: &ObjectMeta,
    environment: Environment,
    ready: Option<i32>,
    wanted: Option<i32>,
    template: &PodTemplateSpec,
) -> Option<Run> {
    let component = part(metadata, environment)?;
    let annotations = metadata.annotations.as_ref();
    let mark = annotations.and_then(|annotations| annotations.get(keys::ATTEMPT));
    let mut containers = template.spec.iter().flat_map(|spec| &spec.containers);
    let own = containers.find(|container| container.name == component.as_str());
    let image = own.and_then(|container| container.image.clone());
    Some(Run {
        component,
        attempt: mark.and_then(|mark| AttemptMark::parse(mark)),
        line: of(
            component,
            ready.unwrap_or_default(),
            wanted.unwrap_or(1),
            image,
        ),
    })
}

fn of(name: ComponentName, ready: i32, wanted: i32, image: Option<String>) -> Component {
    Component {
        name: name.to_string(),
        ready,
        wanted,
        image,
        pods: Vec::new(),
    }
}

/// The component that something belongs to, if it is in that environment.
fn part(metadata: &ObjectMeta, environment: Environment) -> Option<ComponentName> {
    let labels = metadata.labels.as_ref()?;
    let is_here = labels.get(keys::ENVIRONMENT)? == environment.as_str();
    is_here.then(|| ComponentName::of(labels.get(keys::COMPONENT)?))?
}

fn number_of(objects: &Objects, attempt: &AttemptMark) -> Option<i64> {
    let name = names::content(&objects.restapi.name_any(), &attempt.hash);
    let mut records = objects.records.iter();
    let record = records.find(|record| record.name_any() == name);
    record.map(|record| record.revision)
}

/// What bluegreen-manager says that an environment runs, whose workloads don't say so themselves yet.
fn told(restapi: &RestAPI, environment: Environment) -> Option<i64> {
    let told = restapi.status.as_ref()?.blue_green.as_ref()?;
    let mut all = told.environments.iter().flatten();
    let found = all.find(|told| told.name == environment);
    found.map(|told| told.revision)
}

fn created(metadata: &ObjectMeta) -> Option<Timestamp> {
    metadata.creation_timestamp.as_ref().map(|time| time.0)
}

#[cfg(test)]
pub mod tests;
