//! What the status says, from what was seen and what happened to the writes. Pure.

mod blue_green;
mod component;
mod findings;
mod issue;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use restapi_resources::{Application, Invalid};
use restapi_types::conditions::{self, Finding};
use restapi_types::status::CoreStatus;
use restapi_types::{Phase, RestAPIStatus};
use workloads::apply::Outcome;
use workloads::plan::{Plan, Rollback};
use workloads::world::World;

use crate::report::says_which_environment_serves;
use component::ComponentVerdict;
pub(crate) use component::told;
use findings::findings;
pub use issue::WRITE_REFUSED;
use issue::{Issue, Weight, issue};

/// core-reconciler's part of the status of an application that can't be rendered.
#[must_use]
pub fn invalid(world: &World, invalid: &Invalid, now: Timestamp) -> RestAPIStatus {
    let issue = Issue {
        reason: "InvalidSpec".into(),
        message: invalid.to_string(),
        weight: Weight::Final,
    };
    let previous = world.restapi.status.clone().unwrap_or_default();
    let is_anothers = says_which_environment_serves(&world.restapi);
    RestAPIStatus {
        // What was there before still runs: nothing was written.
        phase: Some(if previous.ready_replicas.unwrap_or(0) > 0 {
            Phase::Degraded
        } else {
            Phase::Failed
        }),
        replicas: previous.replicas,
        ready_replicas: previous.ready_replicas,
        components: previous.components,
        active_environment: previous.active_environment.filter(|_| !is_anothers),
        last_deployment_time: previous.last_deployment_time.filter(|_| !is_anothers),
        blue_green: None,
        core: previous.core,
        observed_generation: world.restapi.metadata.generation,
        conditions: Some(merged(world, findings(Some(&issue), false, false), now)),
    }
}

/// core-reconciler's part of the status of an object that can't be read as a `RestAPI`. Counts are left
/// out: what was reported before can't be read either.
#[must_use]
pub fn undecodable(world: &World, error: &str, since: Timestamp) -> RestAPIStatus {
    let issue = Issue {
        reason: "InvalidSpec".into(),
        message: format!(
            "the object can't be read: {error}; correct the field, or upgrade core-reconciler if a newer version wrote it; what runs is left as it is"
        ),
        weight: Weight::Final,
    };
    RestAPIStatus {
        phase: Some(Phase::Failed),
        observed_generation: world.restapi.metadata.generation,
        conditions: Some(merged(world, findings(Some(&issue), false, false), since)),
        ..RestAPIStatus::default()
    }
}

/// core-reconciler's part of the status of `app`.
#[must_use]
pub fn status(
    app: &Application,
    world: &World,
    plan: &Plan,
    outcome: &Outcome,
    now: Timestamp,
) -> RestAPIStatus {
    let environment = world.objects.active_environment();
    let served = blue_green::served(app, world);
    let serving = match &plan.rollback {
        Rollback::Held { app, .. } => app,
        Rollback::None | Rollback::Void(_) => served.as_ref().unwrap_or(app),
    };
    let components: Vec<_> = serving
        .components
        .iter()
        .map(|c| component::verdict(serving, c, environment, world))
        .collect();
    let issue = issue(&components, app, world, plan, outcome);
    let is_anothers = says_which_environment_serves(&world.restapi);
    let available = components.iter().all(|c| c.is_available);
    let progressing = components.iter().any(|c| c.is_progressing) || outcome.wrote;
    RestAPIStatus {
        phase: Some(phase(world, issue.as_ref(), available)),
        replicas: Some(components.iter().map(|c| c.status.replicas).sum()),
        ready_replicas: Some(components.iter().map(|c| c.status.ready_replicas).sum()),
        observed_generation: Some(app.generation),
        active_environment: Some(environment).filter(|_| !is_anothers),
        last_deployment_time: last_deployment(&components, world).filter(|_| !is_anothers),
        blue_green: None,
        core: Some(CoreStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: app.revision.clone(),
            revision_number: Some(plan.revision_number),
            synced_at: synced_at(app, world, plan, outcome, now),
        }),
        conditions: Some(merged(
            world,
            findings(issue.as_ref(), available, progressing),
            now,
        )),
        components: Some(components.into_iter().map(|c| c.status).collect()),
    }
}

/// When everything was first as the revision needs it: what status says, until there is another revision.
fn synced_at(
    app: &Application,
    world: &World,
    plan: &Plan,
    outcome: &Outcome,
    now: Timestamp,
) -> Option<MicroTime> {
    let told = world.restapi.status.as_ref().and_then(|s| s.core.as_ref());
    let of_it = told.filter(|core| {
        core.revision == app.revision && core.revision_number == Some(plan.revision_number)
    });
    let is_synced = !outcome.wrote && outcome.refusals.is_empty() && plan.obstacles.is_empty();
    let before = of_it.and_then(|core| core.synced_at.clone());
    before.or_else(|| is_synced.then_some(MicroTime(now)))
}

fn merged(
    world: &World,
    findings: Vec<Finding>,
    now: Timestamp,
) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    let previous = world
        .restapi
        .status
        .as_ref()
        .and_then(|s| s.conditions.as_deref())
        .unwrap_or_default();
    conditions::merge(
        previous,
        findings,
        world.restapi.metadata.generation.unwrap_or_default(),
        now,
    )
}

fn phase(world: &World, issue: Option<&Issue>, available: bool) -> Phase {
    match issue {
        _ if world.restapi.metadata.deletion_timestamp.is_some() => Phase::Deleting,
        None => Phase::Ready,
        Some(issue) => match (issue.weight, available) {
            (Weight::Final, true) => Phase::Degraded,
            (Weight::Final, false) => Phase::Failed,
            (Weight::Paused | Weight::Progress, true) => Phase::Progressing,
            (Weight::Paused | Weight::Progress, false) => Phase::Pending,
        },
    }
}

/// The latest time at which a component's new pods had replaced its old ones. Never earlier than what was
/// reported before: while a component rolls, its Deployment does not say when it last had.
fn last_deployment(components: &[ComponentVerdict], world: &World) -> Option<Time> {
    let before = world
        .restapi
        .status
        .as_ref()
        .and_then(|s| s.last_deployment_time.as_ref())
        .map(|t| t.0);
    components
        .iter()
        .filter_map(|c| c.deployed_at)
        .chain(before)
        .max()
        .map(Time)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod platforms;
