//! Where a rollout stands, read off the status. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use restapi_types::status::RolloutPhase;
use restapi_types::{RestAPI, conditions};

use crate::answer::REVISION_HELD;
use crate::args::Until;
use crate::failure::Failure;

/// Where it stands, for who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// What the spec asks for serves, and everything is as it asks for.
    Ended,
    /// The revision is ready, and somebody has to let it serve.
    Awaiting,
    /// Another revision serves, and will go on doing so.
    Held,
    /// Nothing will come of waiting.
    Stalled,
    /// It goes on.
    UnderWay,
    /// The application is being deleted.
    Deleting,
}

/// Where it stands, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// For who waits.
    pub state: State,
    /// In a word.
    pub phase: String,
    /// In more words.
    pub message: String,
}

/// Whether revisions of `restapi` are replaced as a whole.
#[must_use]
pub fn is_blue_green(restapi: &RestAPI) -> bool {
    restapi.spec.blue_green().is_some()
}

/// Where the rollout of the spec, as it is now, stands.
#[must_use]
pub fn standing(restapi: &RestAPI) -> Standing {
    let phase = restapi.status.as_ref().and_then(|status| status.phase);
    let phase = phase.map_or_else(|| "Pending".to_owned(), |phase| format!("{phase:?}"));
    if restapi.metadata.deletion_timestamp.is_some() {
        return Standing {
            state: State::Deleting,
            phase: "Deleting".to_owned(),
            message: "the application is being deleted".to_owned(),
        };
    }
    if is_blue_green(restapi) {
        blue_green(restapi, phase)
    } else {
        in_place(restapi, phase)
    }
}

fn blue_green(restapi: &RestAPI, core: String) -> Standing {
    let stalled = holds(restapi, conditions::STALLED);
    let Some(told) = restapi.rollout() else {
        return match stalled {
            Some(stalled) => of(State::Stalled, core, &stalled.message),
            None => unseen(restapi, "bluegreen-manager"),
        };
    };
    let phase = told.phase.map_or(core, |phase| format!("{phase:?}"));
    let message = told.message.clone().unwrap_or_default();
    let rolled_back = holds(restapi, conditions::ROLLED_BACK);
    if told.phase == Some(RolloutPhase::Held) || rolled_back.is_some() {
        let why = rolled_back.map_or(message, |condition| condition.message.clone());
        return of(State::Held, phase, &why);
    }
    // Core-reconciler says so of a revision that is held as well, and a moment later than bluegreen-manager that it
    // is not any more.
    if let Some(stalled) = stalled.filter(|stalled| stalled.reason != REVISION_HELD) {
        return of(State::Stalled, phase, &stalled.message);
    }
    if told.phase == Some(RolloutPhase::Awaiting) {
        return of(State::Awaiting, phase, &message);
    }
    let is_switched = matches!(
        told.phase,
        Some(RolloutPhase::Retaining | RolloutPhase::Releasing | RolloutPhase::Settled)
    );
    let serves = is_switched && told.revision.is_some() && told.serving == told.revision;
    match (serves, holds(restapi, conditions::READY)) {
        (true, Some(_)) => of(State::Ended, phase, &message),
        (true, None) => of(State::UnderWay, phase, &lacking(restapi, &message)),
        (false, _) => of(State::UnderWay, phase, &message),
    }
}

fn in_place(restapi: &RestAPI, phase: String) -> Standing {
    let observed = restapi.status.as_ref().and_then(|s| s.observed_generation);
    if observed != restapi.metadata.generation {
        return unseen(restapi, "core-reconciler");
    }
    if let Some(ready) = holds(restapi, conditions::READY) {
        return of(State::Ended, phase, &ready.message);
    }
    match holds(restapi, conditions::STALLED) {
        Some(stalled) if stalled.reason == REVISION_HELD => {
            of(State::Held, phase, &stalled.message)
        }
        Some(stalled) => of(State::Stalled, phase, &stalled.message),
        None => of(State::UnderWay, phase, &lacking(restapi, "")),
    }
}

fn of(state: State, phase: String, message: &str) -> Standing {
    Standing {
        state,
        phase,
        message: message.to_owned(),
    }
}

fn unseen(restapi: &RestAPI, manager: &str) -> Standing {
    let generation = restapi.metadata.generation.unwrap_or_default();
    of(
        State::UnderWay,
        "Pending".to_owned(),
        &format!("{manager} has not looked at generation {generation} of the spec yet"),
    )
}

/// What Ready says is missing, if it says so of the spec as it is now.
fn lacking(restapi: &RestAPI, otherwise: &str) -> String {
    let ready = current(restapi, conditions::READY);
    ready.map_or_else(|| otherwise.to_owned(), |ready| ready.message.clone())
}

/// A condition, if it is True and speaks of the spec as it is now.
fn holds<'a>(restapi: &'a RestAPI, type_: &str) -> Option<&'a Condition> {
    current(restapi, type_).filter(|condition| condition.status == "True")
}

fn current<'a>(restapi: &'a RestAPI, type_: &str) -> Option<&'a Condition> {
    let generation = restapi.metadata.generation;
    let mut all = restapi.status.as_ref()?.conditions.iter().flatten();
    all.find(|c| c.type_ == type_ && c.observed_generation == generation)
}

/// What it means for who asked: done, an error, or nothing yet.
#[must_use]
pub fn verdict(name: &str, standing: &Standing, until: Until) -> Option<Result<(), Failure>> {
    let told = || format!("{name}: {}", standing.message);
    match standing.state {
        State::Ended => Some(Ok(())),
        State::Awaiting if until == Until::Awaiting => Some(Ok(())),
        State::Awaiting | State::UnderWay => None,
        State::Held | State::Stalled => Some(Err(Failure::Refused(told()))),
        State::Deleting => Some(Err(Failure::Cluster(told()))),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn condition(type_: &str, reason: &str, generation: i64) -> Value {
        json!({
            "type": type_, "status": "True", "reason": reason, "message": format!("{type_} says so"),
            "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    }

    fn restapi(blue_green: &Value, status: &Value) -> RestAPI {
        serde_json::from_value(json!({
            "metadata": {"name": "orders", "generation": 3},
            "spec": {"image": "app:1", "view": {}, "blueGreen": blue_green}, "status": status,
        }))
        .unwrap()
    }

    /// With blue/green on: `phase` of `generation`, that revision serving where 2 is asked for, these conditions.
    fn on(phase: &str, generation: i64, serving: i64, conditions: &[Value]) -> Standing {
        let told = json!({
            "version": "1", "observedGeneration": generation, "phase": phase, "message": "so it is", "revision": 2,
            "serving": serving,
        });
        standing(&restapi(
            &json!({}),
            &json!({"phase": "Ready", "blueGreen": told, "conditions": conditions}),
        ))
    }

    #[rstest]
    #[case("Settled", 3, 2, &[condition("Ready", "Synced", 3)], State::Ended)]
    #[case("Retaining", 3, 2, &[condition("Ready", "Synced", 3)], State::Ended)]
    #[case("Releasing", 3, 2, &[condition("Ready", "Synced", 3)], State::Ended)]
    // A revision that waits for its environment: what serves is not it.
    #[case("Retaining", 3, 1, &[condition("Ready", "Synced", 3)], State::UnderWay)]
    #[case("Releasing", 3, 1, &[condition("Ready", "Synced", 3)], State::UnderWay)]
    // It serves, and something that applies in place is missing.
    #[case("Settled", 3, 2, &[], State::UnderWay)]
    #[case("Settled", 3, 2, &[condition("Ready", "Synced", 2)], State::UnderWay)]
    #[case("Settled", 2, 2, &[condition("Ready", "Synced", 2)], State::UnderWay)]
    #[case("Starting", 3, 1, &[], State::UnderWay)]
    #[case("Paused", 3, 1, &[], State::UnderWay)]
    #[case("Awaiting", 3, 1, &[], State::Awaiting)]
    #[case("Held", 3, 1, &[], State::Held)]
    #[case("Switching", 3, 2, &[condition("RolledBack", "RevisionHeld", 3)], State::Held)]
    #[case("Starting", 3, 1, &[condition("Stalled", "InvalidSpec", 3)], State::Stalled)]
    #[case("Settled", 2, 1, &[condition("Stalled", "InvalidSpec", 3)], State::Stalled)]
    // Just tried again.
    #[case("Starting", 3, 1, &[condition("Stalled", "RevisionHeld", 3)], State::UnderWay)]
    fn with_blue_green_on(
        #[case] phase: &str,
        #[case] generation: i64,
        #[case] serving: i64,
        #[case] conditions: &[Value],
        #[case] state: State,
    ) {
        assert_eq!(on(phase, generation, serving, conditions).state, state);
    }

    #[rstest]
    #[case(3, &[condition("Ready", "Synced", 3)], State::Ended)]
    #[case(2, &[condition("Ready", "Synced", 2)], State::UnderWay)]
    #[case(3, &[condition("Reconciling", "Updating", 3)], State::UnderWay)]
    #[case(3, &[condition("Stalled", "RevisionHeld", 3)], State::Held)]
    #[case(3, &[condition("Stalled", "ImagePullFailed", 3)], State::Stalled)]
    fn with_blue_green_off(
        #[case] observed: i64,
        #[case] conditions: &[Value],
        #[case] state: State,
    ) {
        let status =
            json!({"observedGeneration": observed, "phase": "Ready", "conditions": conditions});
        let off = json!({"enabled": false});
        assert_eq!(standing(&restapi(&off, &status)).state, state);
        assert_eq!(standing(&restapi(&Value::Null, &status)).state, state);
    }

    #[test]
    fn a_status_that_is_wiped_means_nothing_yet() {
        let seen = standing(&restapi(&json!({}), &Value::Null));
        assert_eq!(seen.state, State::UnderWay);
        assert_eq!(
            seen.message,
            "bluegreen-manager has not looked at generation 3 of the spec yet"
        );
    }

    #[test]
    fn what_is_being_deleted_says_so() {
        let mut restapi = restapi(&json!({}), &Value::Null);
        restapi.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(standing(&restapi).state, State::Deleting);
    }

    #[rstest]
    #[case(State::Ended, Until::Serving, Some(0))]
    #[case(State::Awaiting, Until::Serving, None)]
    #[case(State::Awaiting, Until::Awaiting, Some(0))]
    #[case(State::UnderWay, Until::Awaiting, None)]
    #[case(State::Held, Until::Serving, Some(3))]
    #[case(State::Stalled, Until::Awaiting, Some(3))]
    #[case(State::Deleting, Until::Serving, Some(1))]
    fn what_it_means_for_who_waits(
        #[case] state: State,
        #[case] until: Until,
        #[case] code: Option<u8>,
    ) {
        let seen = of(state, "Phase".to_owned(), "so it is");
        let found = verdict("orders", &seen, until);
        assert_eq!(
            found.map(|found| found.map_or_else(|failure| failure.code(), |()| 0)),
            code
        );
    }
}
