//! Where rollouts and their gates stand now, and for how long.

use jiff::Timestamp;
use manager_kit::Metrics;
use manager_kit::clock::Clock;
use manager_kit::lease::Shards;
use manager_kit::metrics::tally::{Sort, Tally, Words};
use manager_kit::watch::Guarded;
use restapi_types::status::{GateState, RolloutPhase};
use restapi_types::{RestAPI, RestAPIStatus, conditions};

const ROLLOUTS: Words = Words {
    metric: "restapi_rollouts_current",
    help: "Applications with blue/green, by where the rollout of their revision stands",
    label: "phase",
    sorts: &[
        "TakingOver",
        "Starting",
        "Verifying",
        "Awaiting",
        "Switching",
        "Retaining",
        "Releasing",
        "Settled",
        "Held",
        "Paused",
    ],
    longest: Some((
        "restapi_rollouts_current_longest_seconds",
        "How long that rollout of a phase has been under way, awaited somebody or been held which has for longest, in seconds",
    )),
};

const GATES: Words = Words {
    metric: "restapi_gates_current",
    help: "Gates of the revisions that specs ask for, by what they have come to",
    label: "state",
    sorts: &["Waiting", "Running", "Passed", "Failed", "Unknown"],
    longest: None,
};

/// Registers them; the result keeps them, as applications are watched.
pub(super) fn register(metrics: &Metrics, by: (&Shards, &Clock)) -> Vec<Tally<RestAPI>> {
    vec![
        Tally::register(metrics, by, ROLLOUTS, rollout),
        Tally::register(metrics, by, GATES, gates),
    ]
}

fn status(object: &Guarded<RestAPI>) -> Option<&RestAPIStatus> {
    object.valid()?.status.as_ref()
}

fn rollout(object: &Guarded<RestAPI>) -> Vec<Sort> {
    let status = status(object);
    let phase = status.and_then(|status| status.blue_green.as_ref()?.phase);
    let Some((status, phase)) = status.zip(phase) else {
        return Vec::new();
    };
    let (name, condition) = match phase {
        RolloutPhase::TakingOver => ("TakingOver", Some(conditions::ROLLOUT_PROGRESSING)),
        RolloutPhase::Starting => ("Starting", Some(conditions::ROLLOUT_PROGRESSING)),
        RolloutPhase::Verifying => ("Verifying", Some(conditions::ROLLOUT_PROGRESSING)),
        RolloutPhase::Switching => ("Switching", Some(conditions::ROLLOUT_PROGRESSING)),
        RolloutPhase::Awaiting => ("Awaiting", Some(conditions::AWAITING_PROMOTION)),
        RolloutPhase::Held => ("Held", Some(conditions::ROLLED_BACK)),
        RolloutPhase::Retaining => ("Retaining", None),
        RolloutPhase::Releasing => ("Releasing", None),
        RolloutPhase::Settled => ("Settled", None),
        RolloutPhase::Paused => ("Paused", None),
    };
    vec![Sort {
        name,
        since: condition.and_then(|type_| since(status, type_)),
    }]
}

/// Since when a condition holds.
fn since(status: &RestAPIStatus, type_: &str) -> Option<Timestamp> {
    let condition = status.condition(type_)?;
    (condition.status == "True").then_some(condition.last_transition_time.0)
}

fn gates(object: &Guarded<RestAPI>) -> Vec<Sort> {
    let blue_green = status(object).and_then(|status| status.blue_green.as_ref());
    let gates = blue_green.and_then(|blue_green| blue_green.gates.as_deref());
    let states = gates.unwrap_or_default().iter().map(|gate| gate.state);
    let sort = |state| Sort {
        name: match state {
            GateState::Waiting => "Waiting",
            GateState::Running => "Running",
            GateState::Passed => "Passed",
            GateState::Failed => "Failed",
            GateState::Unknown => "Unknown",
        },
        since: None,
    };
    states.map(sort).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;

    use kube::runtime::watcher::Event;
    use manager_kit::ManagerInfo;
    use serde_json::json;

    use super::*;

    fn metrics_with(status: serde_json::Value) -> String {
        let metrics = Metrics::new(ManagerInfo {
            name: "test",
            version: "0",
        });
        let shards = Shards::without_leases(NonZeroU32::MIN, metrics.clone());
        let now = Timestamp::UNIX_EPOCH + std::time::Duration::from_mins(10);
        let tallies = register(&metrics, (&shards, &Clock::manual(now)));
        let mut restapi = RestAPI::new("orders", restapi_types::RestAPISpec::default());
        restapi.metadata.uid = Some("uid".to_owned());
        restapi.status = Some(serde_json::from_value(status).unwrap());
        let event = Event::Apply(Guarded::Valid(Arc::new(restapi)));
        for tally in &tallies {
            tally.note(&event);
        }
        metrics.encode()
    }

    fn assert_has(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.lines().any(|l| l == *line), "no {line} in:\n{text}");
        }
    }

    #[test]
    fn a_rollout_under_way_is_measured_from_its_condition() {
        let gate = |name, state| json!({"name": name, "moment": "preSwitch", "state": state, "passed": 0, "failed": 0});
        let text = metrics_with(json!({
            "blueGreen": {
                "version": "0", "observedGeneration": 1, "phase": "Verifying",
                "gates": [gate("a", "Passed"), gate("b", "Running"), gate("c", "Passed")],
            },
            "conditions": [{
                "type": conditions::ROLLOUT_PROGRESSING, "status": "True", "reason": "Verifying",
                "message": "", "lastTransitionTime": "1970-01-01T00:00:00Z",
            }],
        }));
        assert_has(
            &text,
            &[
                "restapi_rollouts_current{phase=\"Verifying\"} 1",
                "restapi_rollouts_current{phase=\"Settled\"} 0",
                "restapi_rollouts_current_longest_seconds{phase=\"Verifying\"} 600.0",
                "restapi_gates_current{state=\"Passed\"} 2",
                "restapi_gates_current{state=\"Running\"} 1",
            ],
        );
    }

    #[test]
    fn an_application_without_blue_green_is_none() {
        let text = metrics_with(json!({"phase": "Ready"}));
        let some =
            |line: &&str| line.starts_with("restapi_rollouts_current{") && !line.ends_with(" 0");
        assert_eq!(text.lines().find(some), None);
    }
}
