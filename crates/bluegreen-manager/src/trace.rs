//! The traces of an application's rollouts, told from what stands on the records of its revisions. Pure.
//!
//! A span is there once what it tells of has ended and is recorded, and is the same whenever and by whomever it is told.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use manager_kit::telemetry::spans::{FinishedSpan, Trace};
use restapi_types::spec::gates::Moment;
use restapi_types::status::GateState;
use restapi_types::trace::{Rollout, SpanId};
use restapi_types::{
    Aborted, GateMark, GateMarks, RestAPI, RolloutMark, RolloutOutcome, keys, text,
};
use workloads::rollout;

use crate::plan::times::Switched;

/// The longest account of a failure, in bytes.
const MAX_WHY: usize = 256;

/// The traces of rollouts that are under way or ended a short time ago.
#[must_use]
pub fn traces(
    restapi: &RestAPI,
    records: &[Arc<ControllerRevision>],
    now: Timestamp,
) -> Vec<Trace> {
    let all = records.iter().filter_map(|record| {
        let told = Told::new(restapi, record, records)?;
        let last = told.last_end();
        let is_told = last.is_none_or(|last| rollout::is_told(last, now));
        is_told.then(|| told.trace())
    });
    all.collect()
}

/// What is recorded of one rollout.
struct Told<'a> {
    restapi: &'a RestAPI,
    rollout: Rollout<'a>,
    mark: RolloutMark,
    switched: Option<Switched>,
    gates: GateMarks,
    rollback: Option<Switched>,
    why: Option<String>,
}

impl<'a> Told<'a> {
    fn new(
        restapi: &'a RestAPI,
        record: &'a ControllerRevision,
        records: &[Arc<ControllerRevision>],
    ) -> Option<Self> {
        let mark = RolloutMark::last(record)?;
        let is_ours = mark
            .ended
            .is_none_or(|end| end.outcome != RolloutOutcome::TakenOver);
        // A later switch to it takes back the rollout of another revision.
        let is_of_it = |switched: &Switched| {
            let has_ended = mark.ended.is_some_and(|end| end.at < switched.began);
            switched.attempt == mark.attempt && switched.began >= mark.started && !has_ended
        };
        let switched = Switched::of(record).filter(is_of_it);
        let aborted = Aborted::of(record, mark.revision);
        // Of those that serve in its place: the switch to it came after the one that it takes back.
        let rollback = aborted.as_ref().and_then(|aborted| {
            let serving = records.iter().find(|r| r.revision == aborted.serving)?;
            let began = switched?.began;
            Switched::of(serving.as_ref()).filter(|back| back.began > began)
        });
        is_ours.then(|| Self {
            restapi,
            rollout: mark.rollout(
                restapi.metadata.uid.as_deref().unwrap_or_default(),
                record
                    .labels()
                    .get(keys::REVISION)
                    .map(String::as_str)
                    .unwrap_or_default(),
            ),
            gates: GateMarks::of(record, mark.attempt),
            mark,
            switched,
            rollback,
            why: aborted.map(|aborted| text::shortened(&aborted.why, MAX_WHY)),
        })
    }

    /// When the last of it ended that can be told; nothing while it is under way.
    fn last_end(&self) -> Option<Timestamp> {
        let rolled_back = self.rollback.map(|r| r.converged.unwrap_or(Timestamp::MAX));
        let ended = self.mark.ended?.at;
        Some(rolled_back.map_or(ended, |rolled_back| ended.max(rolled_back)))
    }

    fn trace(&self) -> Trace {
        let steps = [
            self.root(),
            self.start(),
            self.promotion(),
            self.switch(),
            self.rolled_back(),
        ];
        let gates = Moment::ALL
            .into_iter()
            .flat_map(|moment| self.verified(moment));
        Trace {
            id: self.rollout.trace(),
            spans: steps.into_iter().flatten().chain(gates).collect(),
            is_needed: self.failed() || self.why.is_some(),
        }
    }

    fn failed(&self) -> bool {
        self.mark.ended.is_some_and(|end| end.outcome.is_failure())
    }

    /// When it ended without having got to what comes next.
    fn stopped(&self) -> Option<Timestamp> {
        let end = self.mark.ended?;
        (end.outcome != RolloutOutcome::Succeeded).then_some(end.at)
    }

    fn root(&self) -> Option<FinishedSpan> {
        let end = self.mark.ended?;
        let mut span = self.span("rollout", self.mark.started, end.at);
        span.parent = None;
        span.links = self.mark.cause().into_iter().collect();
        span.attributes.extend([
            ("cicd.pipeline.name", "rollout".into()),
            ("cicd.pipeline.result", result(end.outcome).into()),
        ]);
        if self.failed() {
            let kind = match end.outcome {
                RolloutOutcome::RolledBack => "rolled_back",
                _ => "given_up",
            };
            span.attributes.push(("error.type", kind.into()));
            span.error = self.failure();
        }
        Some(span)
    }

    /// Why it failed, if it did.
    fn failure(&self) -> Option<String> {
        self.failed().then(|| self.why.clone().unwrap_or_default())
    }

    /// From the first workload until all are available.
    fn start(&self) -> Option<FinishedSpan> {
        let end = self.mark.available.or(self.stopped())?;
        let mut span = self.span("start", self.mark.started, end);
        if self.mark.available.is_none() {
            span.error = self.failure();
        }
        Some(span)
    }

    /// The gates of a moment, once none of them is tried any more.
    fn verified(&self, moment: Moment) -> Vec<FinishedSpan> {
        let marks = self.gates.at(moment);
        let is_over = match moment {
            Moment::PreSwitch => self.switched.is_some() || self.mark.ended.is_some(),
            Moment::PostSwitch => self.mark.ended.is_some(),
        };
        let ends = marks.values().map(|mark| (mark.began, mark.last));
        let whole = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let Some((began, last)) = whole.filter(|_| is_over) else {
            return Vec::new();
        };
        let name = match moment {
            Moment::PreSwitch => "verify before the switch",
            Moment::PostSwitch => "verify after the switch",
        };
        let mut all = self.span(name, began, last);
        let failed = marks.values().find(|mark| is_bad(mark));
        all.error = failed.map(|mark| text::shortened(&mark.why, MAX_WHY));
        let id = all.id;
        let gates = marks
            .iter()
            .map(|(name, mark)| self.gate(moment, id, name, mark));
        std::iter::once(all).chain(gates).collect()
    }

    fn gate(&self, moment: Moment, parent: SpanId, name: &str, mark: &GateMark) -> FinishedSpan {
        let step = format!("gate {moment:?} {name}");
        let mut span = self.span("gate", mark.began, mark.last);
        span.id = self.rollout.span(&step);
        span.parent = Some(parent);
        span.attributes.extend([
            ("cicd.pipeline.task.name", name.into()),
            ("restapi.gate.passed", i64::from(mark.passed).into()),
            ("restapi.gate.failed", i64::from(mark.failed).into()),
        ]);
        span.error = is_bad(mark).then(|| text::shortened(&mark.why, MAX_WHY));
        span
    }

    /// Since when it could have served.
    fn ready(&self) -> Option<Timestamp> {
        let gates = self.gates.at(Moment::PreSwitch).values();
        let passed = gates.map(|mark| mark.last).max();
        Some(self.mark.available?.max(passed.unwrap_or(Timestamp::MIN)))
    }

    /// From when it could have served until it was let. What an application is born with waits for nobody.
    fn promotion(&self) -> Option<FinishedSpan> {
        let ready = self.ready()?;
        let end = match self.switched {
            Some(switched) if switched.moved_nothing() => return None,
            Some(switched) => switched.began,
            None => self.stopped()?,
        };
        let mut span = self.span("await promotion", ready, end);
        if self.switched.is_none() {
            span.error = self.failure();
        }
        Some(span)
    }

    /// From the first stable Service that was moved, or, where there was nothing to be moved, from when it was ready,
    /// until all endpoints were its.
    fn switch(&self) -> Option<FinishedSpan> {
        let switched = self.switched?;
        let began = if switched.moved_nothing() {
            self.ready()?.min(switched.began)
        } else {
            switched.began
        };
        let mut span = self.span("switch", began, switched.converged?);
        span.id = self.rollout.span(&format!("switch {}", switched.began));
        Some(span)
    }

    /// The switch back.
    fn rolled_back(&self) -> Option<FinishedSpan> {
        let switched = self.rollback?;
        let mut span = self.span("rollback", switched.began, switched.converged?);
        span.id = self.rollout.span(&format!("rollback {}", switched.began));
        span.error.clone_from(&self.why);
        Some(span)
    }

    /// A step, right below the whole.
    fn span(&self, name: &'static str, start: Timestamp, end: Timestamp) -> FinishedSpan {
        let times = (start, end);
        rollout::step(self.restapi, &self.rollout, self.mark.revision, name, times)
    }
}

/// As OpenTelemetry's conventions name the ends of pipelines.
const fn result(outcome: RolloutOutcome) -> &'static str {
    match outcome {
        RolloutOutcome::Succeeded | RolloutOutcome::TakenOver => "success",
        RolloutOutcome::GivenUp | RolloutOutcome::RolledBack => "failure",
        RolloutOutcome::Superseded => "cancellation",
    }
}

fn is_bad(mark: &GateMark) -> bool {
    matches!(mark.state, GateState::Failed | GateState::Unknown)
}
