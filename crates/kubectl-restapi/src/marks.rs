//! What a revision is to the application by now: what the status and the records say of it. Pure.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use restapi_types::status::{BlueGreenStatus, RolloutPhase};
use restapi_types::{Aborted, Environment, RestAPI, keys};
use serde::Serialize;

use crate::standing;

/// What a revision is to the application by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "mark", rename_all = "camelCase")]
pub enum Mark {
    /// It serves.
    Serving,
    /// It is kept for going back.
    Kept {
        /// For how long.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// It was given up, and is not tried again by itself.
    Held {
        /// Why.
        why: String,
    },
    /// It is being started.
    Starting {
        /// Where.
        environment: Option<Environment>,
    },
    /// Its gates are tried.
    Verifying {
        /// Where.
        environment: Option<Environment>,
    },
    /// It is ready and waits to be promoted.
    Awaiting {
        /// Where.
        environment: Option<Environment>,
    },
    /// The stable Services are being moved to it.
    Switching {
        /// Where it is.
        environment: Option<Environment>,
    },
    /// It is being removed.
    Ending {
        /// Where it was.
        environment: Option<Environment>,
    },
    /// It is to serve, and something else comes first.
    Waiting,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |environment: &Option<Environment>| {
            environment.map_or_else(String::new, |environment| format!(" in {environment}"))
        };
        match self {
            Self::Serving => f.write_str("serving"),
            Self::Kept { until: None } => f.write_str("kept for going back"),
            Self::Kept { until: Some(until) } => {
                write!(f, "kept until {}", until.strftime("%H:%M:%SZ"))
            }
            Self::Held { why } => write!(f, "held: {why}"),
            Self::Starting { environment } => write!(f, "starting{}", place(environment)),
            Self::Verifying { environment } => write!(f, "being verified{}", place(environment)),
            Self::Awaiting { environment } => {
                write!(f, "ready{}, waits to be promoted", place(environment))
            }
            Self::Switching { environment } => write!(f, "switched to{}", place(environment)),
            Self::Ending { environment } => write!(f, "ending{}", place(environment)),
            Self::Waiting => f.write_str("waits"),
        }
    }
}

/// What the revision of `record`, which is one of `records`, is to `restapi`.
#[must_use]
pub fn marks<'a>(
    restapi: &RestAPI,
    record: &ControllerRevision,
    records: impl Iterator<Item = &'a ControllerRevision>,
) -> Vec<Mark> {
    let held = held(restapi, record).map(|(why, _)| Mark::Held { why });
    let told = restapi
        .status
        .as_ref()
        .and_then(|status| status.blue_green.as_ref());
    let told = told.filter(|_| standing::is_blue_green(restapi));
    let others = told.map(|told| {
        // What is to serve: another one than the spec asks for, where that is held back.
        let goal = told
            .revision
            .map(|asked| instead(restapi, asked, records).unwrap_or(asked));
        blue_green(told, record.revision, goal)
    });
    held.into_iter()
        .chain(others.into_iter().flatten())
        .collect()
}

/// The revision in favour of which `asked` is held back.
fn instead<'a>(
    restapi: &RestAPI,
    asked: i64,
    mut records: impl Iterator<Item = &'a ControllerRevision>,
) -> Option<i64> {
    let own = records.find(|record| record.revision == asked)?;
    held(restapi, own).map(|(_, serving)| serving)
}

fn blue_green(told: &BlueGreenStatus, number: i64, goal: Option<i64>) -> Vec<Mark> {
    let mut marks = Vec::new();
    let is_serving = told.serving == Some(number);
    let is_kept = told.rollback_to == Some(number);
    if is_serving {
        marks.push(Mark::Serving);
    }
    if is_kept {
        let until = told.retained_until.as_ref().map(|time| time.0);
        marks.push(Mark::Kept { until });
    }
    let is_goal = goal == Some(number) && !is_serving;
    let mut places = told.environments.iter().flatten();
    let environment = places.find(|e| e.revision == number).map(|e| e.name);
    match told.phase {
        Some(RolloutPhase::Starting) if is_goal => marks.push(Mark::Starting { environment }),
        // Gates are tried before it serves, and once it does.
        Some(RolloutPhase::Verifying) if goal == Some(number) => {
            marks.push(Mark::Verifying { environment });
        }
        Some(RolloutPhase::Awaiting) if is_goal => marks.push(Mark::Awaiting { environment }),
        Some(RolloutPhase::Switching) if is_goal => marks.push(Mark::Switching { environment }),
        Some(RolloutPhase::Releasing) if !is_serving && !is_kept && environment.is_some() => {
            marks.push(Mark::Ending { environment });
        }
        Some(_) if is_goal && !is_kept => marks.push(Mark::Waiting),
        _ => {}
    }
    marks
}

/// The revision that serves with blue/green off, given all records: the one that the spec asks for, unless that is
/// held back.
#[must_use]
pub fn serving_in_place<'a>(
    restapi: &RestAPI,
    records: impl Iterator<Item = &'a ControllerRevision>,
) -> Option<i64> {
    let asked = asked_in_place(restapi)?;
    Some(instead(restapi, asked, records).unwrap_or(asked))
}

/// The revision that the spec asks for, as core-reconciler numbers it.
#[must_use]
pub fn asked_in_place(restapi: &RestAPI) -> Option<i64> {
    restapi
        .status
        .as_ref()?
        .core
        .as_ref()
        .and_then(|core| core.revision_number)
}

/// Why the revision of `record` is held back, and in favour of which one.
fn held(restapi: &RestAPI, record: &ControllerRevision) -> Option<(String, i64)> {
    let order = restapi.annotations().get(keys::ROLLBACK);
    let marked = record.annotations().get(keys::HELD);
    if let (Some(order), true) = (order, order == marked) {
        let why = format!("by the annotation {}: {order}", keys::ROLLBACK);
        return Some((why, order.parse().ok()?));
    }
    let aborted = Aborted::of(record, record.revision)?;
    Some((aborted.why, aborted.serving))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn restapi(phase: &str, serving: Option<i64>, kept: Option<i64>) -> RestAPI {
        serde_json::from_value(json!({
            "metadata": {"name": "orders", "generation": 3}, "spec": {"image": "app:1", "view": {}, "blueGreen": {}},
            "status": {"blueGreen": {
                "version": "1", "observedGeneration": 3, "phase": phase, "revision": 2, "serving": serving,
                "rollbackTo": kept, "retainedUntil": "2026-01-01T10:20:30Z", "environments": [
                    {"name": "blue", "revision": 1, "attempt": 1, "ready": "4/4"},
                    {"name": "green", "revision": 2, "attempt": 2, "ready": "3/4"},
                ],
            }},
        }))
        .unwrap()
    }

    fn record(number: i64, annotations: &Value) -> ControllerRevision {
        serde_json::from_value(
            json!({"metadata": {"annotations": annotations}, "revision": number}),
        )
        .unwrap()
    }

    fn said(restapi: &RestAPI, record: &ControllerRevision) -> String {
        said_beside(restapi, record, record)
    }

    fn said_beside(
        restapi: &RestAPI,
        record: &ControllerRevision,
        other: &ControllerRevision,
    ) -> String {
        let marks = marks(restapi, record, [record, other].into_iter());
        let words: Vec<_> = marks.iter().map(ToString::to_string).collect();
        words.join(", ")
    }

    #[rstest]
    #[case("Starting", Some(1), None, "serving", "starting in green")]
    #[case(
        "Awaiting",
        Some(1),
        None,
        "serving",
        "ready in green, waits to be promoted"
    )]
    #[case("Switching", None, None, "", "switched to in green")]
    #[case("Retaining", Some(2), Some(1), "kept until 10:20:30Z", "serving")]
    #[case("Releasing", Some(2), None, "ending in blue", "serving")]
    #[case("TakingOver", Some(1), None, "serving", "waits")]
    fn what_each_revision_is(
        #[case] phase: &str,
        #[case] serving: Option<i64>,
        #[case] kept: Option<i64>,
        #[case] first: &str,
        #[case] second: &str,
    ) {
        let restapi = restapi(phase, serving, kept);
        let words = [1, 2].map(|number| said(&restapi, &record(number, &json!({}))));
        assert_eq!(words, [first, second]);
    }

    #[test]
    fn a_revision_that_was_given_up_says_why_until_it_has_another_number() {
        let given_up = json!({keys::ABORTED: "1 2 aborted by command"});
        let restapi = restapi("Held", Some(1), None);
        assert_eq!(
            said(&restapi, &record(2, &given_up)),
            "held: aborted by command"
        );
        assert_eq!(said(&restapi, &record(5, &given_up)), "");
    }

    #[test]
    fn what_is_started_instead_of_a_held_revision_is_what_is_started() {
        let undone = record(2, &json!({keys::ABORTED: "1 2 undone by command"}));
        let restapi = restapi("Awaiting", Some(4), None);
        let words = said_beside(&restapi, &record(1, &json!({})), &undone);
        assert_eq!(words, "ready in blue, waits to be promoted");
        assert_eq!(said(&restapi, &undone), "held: undone by command");
    }

    #[rstest]
    #[case(json!({}), json!({}), Some(4))]
    #[case(json!({keys::ROLLBACK: "3"}), json!({keys::HELD: "3"}), Some(3))]
    #[case(json!({}), json!({keys::HELD: "3"}), Some(4))]
    #[case(json!({}), json!({keys::ABORTED: "2 4 it was late"}), Some(2))]
    fn with_blue_green_off_what_serves_is_what_is_not_held(
        #[case] order: Value,
        #[case] marks: Value,
        #[case] serving: Option<i64>,
    ) {
        let restapi: RestAPI = serde_json::from_value(json!({
            "metadata": {"name": "orders", "annotations": order}, "spec": {"image": "app:1", "view": {}},
            "status": {"core": {"version": "1", "revision": "abc", "revisionNumber": 4}},
        }))
        .unwrap();
        let records = [record(3, &json!({})), record(4, &marks)];
        assert_eq!(serving_in_place(&restapi, records.iter()), serving);
    }
}
