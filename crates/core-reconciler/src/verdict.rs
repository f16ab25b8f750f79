//! What the status says, from what was seen and what happened to the writes. Pure.

mod component;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use manager_kit::tracker::Target;
use restapi_resources::{Application, Invalid};
use restapi_types::conditions::{self, Finding, Verdict};
use restapi_types::status::CoreStatus;
use restapi_types::{Phase, RestAPIStatus};

use crate::observe::World;
use crate::plan::{self, Obstacle, Plan};
use component::ComponentVerdict;

/// A write that the API server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which object.
    pub target: Target,
    /// The API server's message.
    pub message: String,
}

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What the API server refused.
    pub refusals: Vec<Refusal>,
    /// Whether something was written: what was seen is then no longer what is.
    pub wrote: bool,
}

/// The reason of conditions when the API server refused a write.
pub const WRITE_REFUSED: &str = "WriteRefused";

/// What stands between an application and Ready.
struct Issue {
    reason: String,
    message: String,
    is_final: bool,
}

/// core-reconciler's part of the status of an application that can't be rendered.
#[must_use]
pub fn invalid(world: &World, invalid: &Invalid, now: Timestamp) -> RestAPIStatus {
    let issue = Issue {
        reason: "InvalidSpec".into(),
        message: invalid.to_string(),
        is_final: true,
    };
    let previous = world.restapi.status.clone().unwrap_or_default();
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
        active_environment: previous.active_environment,
        last_deployment_time: previous.last_deployment_time,
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
        is_final: true,
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
    let environment = plan::active_environment(&app.name, &world.services);
    let components: Vec<_> = app
        .components
        .iter()
        .map(|c| component::verdict(app, c, environment, world))
        .collect();
    let issue = issue(&components, plan, outcome);
    let available = components.iter().all(|c| c.is_available);
    let progressing = components.iter().any(|c| c.is_progressing) || outcome.wrote;
    RestAPIStatus {
        phase: Some(phase(world, issue.as_ref(), available)),
        replicas: Some(components.iter().map(|c| c.status.replicas).sum()),
        ready_replicas: Some(components.iter().map(|c| c.status.ready_replicas).sum()),
        observed_generation: Some(app.generation),
        active_environment: Some(environment),
        last_deployment_time: last_deployment(&components, world),
        core: Some(CoreStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: app.revision.clone(),
            revision_number: Some(plan.revision_number),
        }),
        conditions: Some(merged(
            world,
            findings(issue.as_ref(), available, progressing),
            now,
        )),
        components: Some(components.into_iter().map(|c| c.status).collect()),
    }
}

/// The gravest thing that stands between the application and Ready: what was refused, what stands in the
/// way, what components lack, in that order; what is final before what is not.
fn issue(components: &[ComponentVerdict], plan: &Plan, outcome: &Outcome) -> Option<Issue> {
    let refused = outcome.refusals.iter().map(|refusal| Issue {
        reason: WRITE_REFUSED.into(),
        message: format!(
            "{} {} was refused by the API server: {}; what ran before still runs",
            refusal.target.kind, refusal.target.name, refusal.message
        ),
        is_final: true,
    });
    let obstacles = plan.obstacles.iter().map(obstacle_issue);
    let lacking = components.iter().filter_map(ComponentVerdict::issue);
    let mut all: Vec<_> = refused.chain(obstacles).chain(lacking).collect();
    all.sort_by_key(|issue| !issue.is_final);
    let more = all.len().saturating_sub(1);
    let writing = outcome.wrote.then(|| Issue {
        reason: "Applying".into(),
        message: "objects are being written".into(),
        is_final: false,
    });
    let mut first = all.into_iter().next().or(writing)?;
    if more > 0 {
        first.message = format!("{} (and {more} more)", first.message);
    }
    Some(first)
}

fn obstacle_issue(obstacle: &Obstacle) -> Issue {
    let (reason, message, is_final) = match obstacle {
        Obstacle::Foreign(t) => (
            "NameTaken",
            format!(
                "{} {} exists and does not belong to this RestAPI: delete or rename it, or rename the RestAPI",
                t.kind, t.name
            ),
            true,
        ),
        Obstacle::Predecessor(t) => (
            "PredecessorRemains",
            format!(
                "{} {} belongs to a deleted RestAPI of this name: waiting for the garbage collector to remove it",
                t.kind, t.name
            ),
            false,
        ),
        Obstacle::Terminating(t) => (
            "Terminating",
            format!(
                "{} {} is being deleted: it is made again once it is gone",
                t.kind, t.name
            ),
            false,
        ),
        Obstacle::Newer(t) => (
            "NewerGeneration",
            format!(
                "{} {} was written for a newer generation: waiting to see it",
                t.kind, t.name
            ),
            false,
        ),
        Obstacle::UnknownRenderVersion(t, version) => (
            "MadeByNewerManager",
            format!(
                "{} {} was rendered in version {version}, which this core-reconciler does not know: it is left as it is; upgrade core-reconciler",
                t.kind, t.name
            ),
            true,
        ),
        Obstacle::Sealed(t, sealed) => (
            "Sealed",
            format!(
                "{} {} must not select {sealed} any more: it is left as it is",
                t.kind, t.name
            ),
            true,
        ),
    };
    Issue {
        reason: reason.into(),
        message,
        is_final,
    }
}

fn findings(issue: Option<&Issue>, available: bool, progressing: bool) -> Vec<Finding> {
    let finding = |type_, verdict: Verdict, reason: &str, message: &str| Finding {
        type_,
        verdict,
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    let (reason, message) = issue.map_or(
        ("Synced", "everything exists, is synced and is available"),
        |i| (&i.reason, &i.message),
    );
    let stalled = issue.is_some_and(|i| i.is_final);
    let reconciling = issue.is_some() && !stalled;
    let serving = if available {
        "every component serves"
    } else {
        "a component has no pod that serves"
    };
    let rolling = if progressing {
        "pods are being created or replaced"
    } else {
        "no pod is being created or replaced"
    };
    let idle = |on: bool| {
        if on {
            (reason, message)
        } else {
            ("Settled", "nothing is under way")
        }
    };
    let fine = |on: bool| {
        if on {
            (reason, message)
        } else {
            ("NotStalled", "nothing needs a change by somebody")
        }
    };
    vec![
        finding(conditions::READY, issue.is_none().into(), reason, message),
        finding(
            conditions::RECONCILING,
            reconciling.into(),
            idle(reconciling).0,
            idle(reconciling).1,
        ),
        finding(
            conditions::STALLED,
            stalled.into(),
            fine(stalled).0,
            fine(stalled).1,
        ),
        finding(
            conditions::AVAILABLE,
            available.into(),
            if available { "Serving" } else { "NotServing" },
            serving,
        ),
        finding(
            conditions::PROGRESSING,
            progressing.into(),
            if progressing {
                "RollingOut"
            } else {
                "RolledOut"
            },
            rolling,
        ),
    ]
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
        Some(issue) => match (issue.is_final, available) {
            (true, true) => Phase::Degraded,
            (true, false) => Phase::Failed,
            (false, true) => Phase::Progressing,
            (false, false) => Phase::Pending,
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
