//! The events of an application's rollouts. Pure.
//!
//! An event is there once what it tells of is recorded, and is the same whenever and by whomever it is told.

use jiff::Timestamp;
use restapi_types::event::Facts;
use restapi_types::status::GateState;
use restapi_types::trace::Rollout;
use restapi_types::{Event, EventKind, GateMark, RestAPI, RolloutMark, RolloutOutcome, conditions};
use workloads::facts::{application, is_told};

use crate::account::{Account, is_bad};

/// The events of rollouts of a short time ago, in the order in which things happened. `started` is that of a rollout of
/// which nothing is recorded yet.
#[must_use]
pub fn events(
    restapi: &RestAPI,
    accounts: &[Account<'_>],
    started: Option<Event>,
    now: Timestamp,
) -> Vec<Event> {
    let awaits = awaits(restapi);
    let recorded = accounts.iter().flat_map(|account| of(account, awaits));
    let recent = recorded.chain(started).filter(|event| is_told(event, now));
    let mut all: Vec<_> = recent.collect();
    // Some times are of whole seconds.
    all.sort_by_key(|event| (event.time, event.known_kind()));
    all
}

/// That the rollout of that mark has begun: what is told before anything of it is recorded.
#[must_use]
pub fn started(restapi: &RestAPI, rollout: &Rollout<'_>, mark: &RolloutMark) -> Event {
    event(
        restapi,
        rollout,
        mark.revision,
        (EventKind::RolloutStarted, mark.started, None),
    )
}

/// The number of the revision that waits for somebody's `promote`, as status says.
fn awaits(restapi: &RestAPI) -> Option<i64> {
    let status = restapi.status.as_ref()?;
    let told = status.blue_green.as_ref()?;
    let waits = status.condition(conditions::AWAITING_PROMOTION);
    let waits = waits.is_some_and(|condition| condition.status == "True");
    let is_current = Some(told.observed_generation) == restapi.metadata.generation;
    told.revision.filter(|_| waits && is_current)
}

fn of(account: &Account<'_>, awaits: Option<i64>) -> Vec<Event> {
    let mark = &account.mark;
    let waits = awaits == Some(mark.revision) && account.switched.is_none() && mark.ended.is_none();
    let switched = account.last_switch.filter(|last| !last.moved_nothing());
    let steps = [
        (EventKind::RolloutStarted, Some(mark.started)),
        (EventKind::PreviewReady, mark.available),
        (
            EventKind::PromotionAwaited,
            account.ready().filter(|_| waits),
        ),
        (
            EventKind::TrafficSwitched,
            switched.and_then(|s| s.converged),
        ),
    ];
    let end = mark.ended.map(|end| (ended(end.outcome), end.at));
    let completed = mark
        .ended
        .is_some_and(|end| end.outcome == RolloutOutcome::Succeeded);
    let back = account.last_back.filter(|_| completed);
    let back = back.and_then(|back| Some((EventKind::RolloutRolledBack, back.converged?)));
    let gates = account.gates.pre.iter().chain(&account.gates.post);
    let gates = gates.filter_map(|(name, mark)| gate(account, name, mark));
    steps
        .into_iter()
        .filter_map(|(kind, at)| Some((kind, at?)))
        .chain(end)
        .chain(back)
        .map(|(kind, at)| told(account, kind, at, None))
        .chain(gates)
        .collect()
}

/// What the end of a rollout is called.
const fn ended(outcome: RolloutOutcome) -> EventKind {
    match outcome {
        RolloutOutcome::Succeeded | RolloutOutcome::TakenOver => EventKind::RolloutCompleted,
        RolloutOutcome::GivenUp => EventKind::RolloutGivenUp,
        RolloutOutcome::RolledBack => EventKind::RolloutRolledBack,
        RolloutOutcome::Superseded => EventKind::RolloutSuperseded,
    }
}

/// What a gate has come to, once it has.
fn gate(account: &Account<'_>, name: &str, mark: &GateMark) -> Option<Event> {
    let kind = if is_bad(mark) {
        EventKind::GateFailed
    } else if mark.state == GateState::Passed {
        EventKind::GatePassed
    } else {
        return None;
    };
    Some(told(account, kind, mark.last, Some(name.to_owned())))
}

fn told(account: &Account<'_>, kind: EventKind, at: Timestamp, gate: Option<String>) -> Event {
    let revision = account.mark.revision;
    event(
        account.restapi,
        &account.rollout,
        revision,
        (kind, at, gate),
    )
}

fn event(
    restapi: &RestAPI,
    rollout: &Rollout<'_>,
    revision: i64,
    (kind, at, gate): (EventKind, Timestamp, Option<String>),
) -> Event {
    let facts = Facts {
        revision: Some(revision),
        revision_hash: Some(rollout.revision.to_owned()),
        attempt: Some(rollout.attempt),
        gate,
        ..Facts::of(application(restapi))
    };
    Event::new(kind, at, facts).within(&rollout.context())
}
