//! What is recorded of the rollout of the revision that the spec asks for, as it gets there. Nothing is decided by it:
//! it is what the rollout's trace is told from, also by a manager that was not there.

use jiff::Timestamp;
use kube::ResourceExt as _;
use restapi_types::{
    Environment, RolloutEnd, RolloutMark, RolloutOutcome, TraceParent, keys, rollout,
};

use restapi_types::trace::TraceId;

use super::situate::Situated;
use super::situation::{Attempt, Gated, Revision};
use super::view::{View, number};

/// A rollout that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What is recorded of it.
    pub mark: RolloutMark,
    /// Its trace.
    pub trace: TraceId,
}

impl Ended {
    /// The rollout of the revision, if its mark says that it has ended.
    #[must_use]
    pub fn of(view: &View<'_>, revision: Revision, mark: &RolloutMark) -> Option<Self> {
        mark.ended?;
        let record = view.record_of(revision)?;
        let uid = view.world.restapi.metadata.uid.as_deref()?;
        let rollout = mark.rollout(uid, record.labels().get(keys::REVISION)?);
        Some(Self {
            mark: mark.clone(),
            trace: rollout.trace(),
        })
    }
}

/// The attempt at the revision that the spec asks for, and where it runs.
fn asked(view: &View<'_>, situated: &Situated) -> Option<(Environment, Attempt)> {
    let s = &situated.situation;
    let home = s.home(s.asked);
    let attempt = s.side(home).runs.attempt()?;
    (attempt.revision == view.asked()).then_some((home, attempt))
}

/// What the record of the revision that the spec asks for is to say of its rollout, where that is more than it says.
/// `converged` is since when all requests go where the stable Services point, where that is only being recorded.
#[must_use]
pub fn progress(
    view: &View<'_>,
    situated: &Situated,
    converged: Option<Timestamp>,
    now: Timestamp,
) -> Option<RolloutMark> {
    let (home, attempt) = asked(view, situated)?;
    let record = view.record_of(attempt.revision)?;
    let times = situated.times(home);
    let before = RolloutMark::of(record.as_ref(), attempt.number);
    let mut mark = match before.clone() {
        Some(mark) => mark,
        None => begun(view, situated)?,
    };
    if mark.ended.is_some() {
        return None;
    }
    // What is available may have been so before it was tried again.
    let available = times.available.map(|at| at.max(mark.started));
    mark.available = mark.available.or(available);
    let arrived = times.converged().or(converged);
    mark.ended = end(situated, home, attempt, arrived, now);
    mark.cause = mark.cause.or_else(|| cause(view));
    let is_told = mark.available.is_some() || mark.ended.is_some();
    (is_told && before.as_ref() != Some(&mark)).then_some(mark)
}

/// The rollout of the revision that the spec asks for, while nothing of it is recorded.
#[must_use]
pub fn unrecorded(view: &View<'_>, situated: &Situated) -> Option<RolloutMark> {
    let (_, attempt) = asked(view, situated)?;
    let record = view.record_of(attempt.revision)?;
    let is_recorded = RolloutMark::of(record.as_ref(), attempt.number).is_some();
    begun(view, situated).filter(|_| !is_recorded)
}

/// The same as it is when it begins.
fn begun(view: &View<'_>, situated: &Situated) -> Option<RolloutMark> {
    let (home, attempt) = asked(view, situated)?;
    let record = view.record_of(attempt.revision)?;
    Some(RolloutMark {
        attempt: attempt.number,
        revision: i64::try_from(attempt.revision).unwrap_or_default(),
        retried: rollout::retried(record.as_ref()),
        started: situated.times(home).started?,
        available: None,
        ended: None,
        cause: None,
    })
}

/// The rollouts that came to nothing, since the spec asks for another revision by now and nothing runs theirs any more.
/// As long as something does, the spec can come back to it.
pub fn superseded<'a>(
    view: &'a View<'_>,
    now: Timestamp,
) -> impl Iterator<Item = (Revision, RolloutMark)> + 'a {
    let running = Environment::ALL.map(|environment| view.side(environment).runs.attempt());
    let runs = move |number| {
        running
            .iter()
            .flatten()
            .any(|attempt| attempt.number == number)
    };
    let others = view
        .records
        .iter()
        .filter(|record| record.name_any() != view.record.name_any());
    others.filter_map(move |record| {
        let mut mark = RolloutMark::last(record.as_ref())?;
        if mark.ended.is_some() || runs(mark.attempt) {
            return None;
        }
        let outcome = RolloutOutcome::Superseded;
        mark.ended = Some(RolloutEnd { at: now, outcome });
        Some((number(record.revision), mark))
    })
}

/// That another manager rolled out what an environment runs.
#[must_use]
pub fn taken_over(view: &View<'_>, attempt: Attempt, now: Timestamp) -> Option<RolloutMark> {
    let record = view.record_of(attempt.revision)?;
    RolloutMark::of(record.as_ref(), attempt.number)
        .is_none()
        .then(|| RolloutMark {
            attempt: attempt.number,
            revision: i64::try_from(attempt.revision).unwrap_or_default(),
            retried: rollout::retried(record.as_ref()),
            started: now,
            available: None,
            ended: Some(RolloutEnd {
                at: now,
                outcome: RolloutOutcome::TakenOver,
            }),
            cause: None,
        })
}

/// How the rollout ended, once it has: when all requests go to it and its gates have passed, or when it was given up
/// and none do.
fn end(
    situated: &Situated,
    home: Environment,
    attempt: Attempt,
    arrived: Option<Timestamp>,
    now: Timestamp,
) -> Option<RolloutEnd> {
    let s = &situated.situation;
    if s.hold(s.asked).is_some() {
        let is_elsewhere = s.services == 0 || s.converged() == Some(home.other());
        let switched = situated.times(home).switched;
        let has_served = switched.is_some_and(|switched| switched.attempt == attempt.number);
        let outcome = if has_served {
            RolloutOutcome::RolledBack
        } else {
            RolloutOutcome::GivenUp
        };
        return is_elsewhere.then_some(RolloutEnd { at: now, outcome });
    }
    let is_here = s.converged() == Some(home) && s.gated == Gated::Passed;
    let passed = situated
        .gates
        .as_ref()
        .and_then(super::gates::Gates::passed);
    let at = arrived
        .filter(|_| is_here)?
        .max(passed.unwrap_or(Timestamp::MIN));
    let outcome = RolloutOutcome::Succeeded;
    Some(RolloutEnd { at, outcome })
}

/// The span outside that brought the rollout about: what the `RestAPI` bears, unless it brought about another one.
fn cause(view: &View<'_>) -> Option<String> {
    let text = view.world.restapi.annotations().get(keys::TRACEPARENT)?;
    let cause = TraceParent::parse(text)?.to_string();
    let mut others = view
        .records
        .iter()
        .filter_map(|record| RolloutMark::last(record.as_ref()));
    others
        .all(|mark| mark.cause.as_ref() != Some(&cause))
        .then_some(cause)
}
