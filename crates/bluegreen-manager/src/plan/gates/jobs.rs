//! Gates that are Jobs.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use manager_kit::tracker::Target;
use restapi_resources::gate_job::{self, hash};
use restapi_types::spec::gates::GateSpec;
use restapi_types::status::GateState;
use restapi_types::{AttemptMark, GateMark, keys, text};
use workloads::kinds::Role;
use workloads::plan::PlanError;
use workloads::plan::desired::{Desired, Stage};
use workloads::world::{World, typed};

use super::{Gates, MAX_WHY, Subject};
use crate::plan::view::View;

/// The kind of Jobs.
const JOB: &str = "Job";

impl Subject<'_> {
    /// What is known of a gate. Its Job is to be there until that has come to something.
    pub(super) fn job(
        &self,
        view: &View<'_>,
        gate: &GateSpec,
        known: Option<GateMark>,
        now: Timestamp,
        gates: &mut Gates,
    ) -> Option<GateMark> {
        if known.is_some() {
            return known;
        }
        let name = gate_job::name(&self.trial(&self.mark()), gate);
        let live = view.world.objects.get(JOB, &name);
        let mark = live.and_then(|live| ended(gate, live, now));
        if mark.is_none() && (self.may_begin || live.is_some()) {
            gates.jobs.push(gate.clone());
        }
        mark
    }
}

/// What a Job came to, once it has.
fn ended(gate: &GateSpec, live: &DynamicObject, now: Timestamp) -> Option<GateMark> {
    let job: Job = typed(live)?;
    let end = end(&job)?;
    let is_passed = end.type_ == "Complete";
    let failed = job.status.as_ref()?.failed.unwrap_or_default();
    let created = job.metadata.creation_timestamp.as_ref();
    Some(GateMark {
        hash: hash(gate),
        began: created.map_or(now, |created| created.0),
        last: now,
        answered: now,
        passed: u32::from(is_passed),
        failed: u32::try_from(failed).unwrap_or_default(),
        state: if is_passed {
            GateState::Passed
        } else {
            GateState::Failed
        },
        why: text::shortened(&account(&job, end), MAX_WHY),
    })
}

/// The condition by which a Job says that it has ended.
fn end(job: &Job) -> Option<&JobCondition> {
    let conditions = job.status.as_ref()?.conditions.iter().flatten();
    let mut held = conditions.filter(|condition| condition.status == "True");
    held.find(|c| matches!(c.type_.as_str(), "Complete" | "Failed"))
}

fn account(job: &Job, end: &JobCondition) -> String {
    let name = job.name_any();
    let said = end.message.as_deref().unwrap_or(&end.type_);
    if end.type_ == "Complete" {
        format!("Job {name} completed")
    } else {
        format!("Job {name}: {said}; see `kubectl logs job/{name}`")
    }
}

/// What keeps the pods of a gate's Job from running, as they tell it.
#[must_use]
pub(crate) fn obstacle(world: &World, gate: &str) -> Option<String> {
    let is_of_it =
        |pod: &&std::sync::Arc<Pod>| pod.labels().get(keys::GATE).map(String::as_str) == Some(gate);
    let statuses = world.pods.iter().filter(is_of_it);
    let mut containers = statuses.flat_map(|pod| {
        pod.status
            .iter()
            .flat_map(|s| s.container_statuses.iter().flatten())
    });
    containers.find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        (reason != "ContainerCreating").then(|| {
            let message = waiting.message.as_deref().unwrap_or_default();
            format!("its pod waits: {reason} {message}")
        })
    })
}

/// The Jobs of gates that are to be there.
///
/// # Errors
/// When an object can't be written as JSON, which no rendered object is.
pub(in crate::plan) fn desired(
    subject: &Subject<'_>,
    gates: &Gates,
) -> Result<Vec<Desired>, PlanError> {
    let mark = subject.mark();
    let trial = subject.trial(&mark);
    let jobs = gates.jobs.iter();
    jobs.filter_map(|gate| Some(gate_job::gate_job(&trial, gate, gate.job.as_ref()?)))
        .map(|job| Desired::new(&job, Stage::Workloads, Role::Workloads))
        .collect()
}

/// The Jobs that stay: those of that attempt, and those that have ended, which go by themselves after a while.
pub(in crate::plan) fn kept(world: &World, attempt: Option<&AttemptMark>) -> BTreeSet<Target> {
    let stays = |job: &&std::sync::Arc<DynamicObject>| {
        let own = job.annotations().get(keys::ATTEMPT);
        let is_at_hand = attempt.is_some_and(|attempt| own == Some(&attempt.to_string()));
        let has_ended = || typed::<Job>(job).is_some_and(|job| end(&job).is_some());
        is_at_hand || has_ended()
    };
    let jobs = world.objects.of(JOB).filter(stays);
    jobs.map(|job| Target {
        kind: JOB.to_owned(),
        name: job.name_any(),
    })
    .collect()
}
