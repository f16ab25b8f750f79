//! The rollout of a revision as its trace knows it, the same for every manager.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use manager_kit::telemetry::spans::{FinishedSpan, Value};
use restapi_resources::Application;
use restapi_types::trace::Rollout;
use restapi_types::{Environment, RestAPI, RolloutMark, rollout};

use crate::plan::history;
use crate::world::{World, attempt_of};

/// For how long after its end a span is told again by a manager that was started anew: whoever told it before may have
/// ended before it was out.
const TOLD_AGAIN: Duration = Duration::from_mins(15);

/// The rollout of the revision that the spec asks for; nothing before its first workload.
#[must_use]
pub fn asked<'a>(world: &'a World, app: &'a Application) -> Option<Rollout<'a>> {
    let record = history::own(app, &world.objects)?;
    let workloads = Environment::ALL
        .into_iter()
        .flat_map(|e| world.workloads_in(e));
    let marks = workloads.filter_map(|(_, workload)| attempt_of(workload));
    let own = marks.filter(|mark| mark.hash == app.revision);
    // Where nothing runs it any more, it was given up.
    let given_up = || RolloutMark::last(record).map(|mark| mark.attempt);
    Some(Rollout {
        uid: world.restapi.metadata.uid.as_deref()?,
        revision: &app.revision,
        attempt: own.map(|mark| mark.number).max().or_else(given_up)?,
        retried: rollout::retried(record),
    })
}

/// Whether a span that ended at `end` is still told.
#[must_use]
pub fn is_told(end: Timestamp, now: Timestamp) -> bool {
    let age = SignedDuration::try_from(TOLD_AGAIN).unwrap_or(SignedDuration::MAX);
    end.saturating_add(age).is_ok_and(|until| now < until)
}

/// A step of a rollout of the revision of that number, right below the whole.
#[must_use]
pub fn step(
    restapi: &RestAPI,
    rollout: &Rollout<'_>,
    revision: i64,
    name: &'static str,
    (start, end): (Timestamp, Timestamp),
) -> FinishedSpan {
    FinishedSpan {
        id: rollout.span(name),
        parent: Some(rollout.root()),
        name,
        start,
        end,
        attributes: attributes(restapi, rollout, revision),
        links: Vec::new(),
        error: None,
    }
}

fn attributes(
    restapi: &RestAPI,
    rollout: &Rollout<'_>,
    revision: i64,
) -> Vec<(&'static str, Value)> {
    let attempt = i64::try_from(rollout.attempt).unwrap_or(i64::MAX);
    let namespace = restapi.namespace().unwrap_or_default();
    vec![
        ("k8s.namespace.name", namespace.as_str().into()),
        ("restapi.name", restapi.name_any().as_str().into()),
        ("restapi.uid", rollout.uid.into()),
        ("restapi.revision", revision.into()),
        ("restapi.attempt", attempt.into()),
    ]
}
