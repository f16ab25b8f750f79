//! The traces of an application's rollouts. Pure.
//!
//! A span is there once what it tells of has ended and is recorded, and is the same whenever and by whomever it is told.

use jiff::Timestamp;
use manager_kit::telemetry::spans::{FinishedSpan, Trace};
use restapi_types::spec::gates::Moment;
use restapi_types::trace::SpanId;
use restapi_types::{GateMark, RolloutOutcome, text};
use workloads::rollout;

use crate::account::{Account, MAX_WHY, is_bad};

/// The traces of rollouts.
#[must_use]
pub fn traces(accounts: &[Account<'_>]) -> Vec<Trace> {
    accounts.iter().map(Account::trace).collect()
}

impl Account<'_> {
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
