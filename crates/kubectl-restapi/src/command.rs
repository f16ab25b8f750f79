//! What is asked for, as the annotation that a manager reads. Pure.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
pub use restapi_types::command::Verb;
use restapi_types::{RestAPI, TraceParent, keys};
use serde_json::{Value, json};

use crate::answer;
use crate::args::{self, Patience};

/// What somebody typed after the verb.
#[derive(Debug)]
pub struct Wish {
    /// The `RestAPI`.
    pub name: String,
    /// The revision that it is about.
    pub revision: Option<i64>,
    /// The revision to go back to.
    pub to_revision: Option<i64>,
    /// How long to wait for the answer.
    pub patience: Patience,
}

impl From<args::Order> for Wish {
    fn from(order: args::Order) -> Self {
        Self {
            name: order.name,
            revision: order.revision,
            to_revision: None,
            patience: order.patience,
        }
    }
}

impl From<args::Refresh> for Wish {
    fn from(refresh: args::Refresh) -> Self {
        Self {
            name: refresh.name,
            revision: None,
            to_revision: None,
            patience: refresh.patience,
        }
    }
}

impl From<args::Rollback> for Wish {
    fn from(rollback: args::Rollback) -> Self {
        Self {
            name: rollback.name,
            revision: rollback.revision,
            to_revision: rollback.to_revision,
            patience: rollback.patience,
        }
    }
}

impl From<args::Undo> for Wish {
    fn from(undo: args::Undo) -> Self {
        Self {
            name: undo.name,
            revision: Some(undo.to_revision),
            to_revision: Some(undo.to_revision),
            patience: undo.patience,
        }
    }
}

/// A command as bluegreen-manager reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub verb: Verb,
    /// About which revision.
    pub revision: i64,
    /// By what it is known again.
    pub id: String,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.verb, self.revision, self.id)
    }
}

/// An id that no other command has: the time, and something random for those who ask at the same time.
#[must_use]
pub fn id(now: Timestamp, random: u64) -> String {
    let time = u64::try_from(now.as_millisecond()).unwrap_or_default();
    format!("{}-{}", base36(time), base36(random % 36_u64.pow(5)))
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.extend(char::from_digit(digit, 36));
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// The merge patch that sets or removes annotations of `restapi` as it was read, and touches nothing else.
#[must_use]
pub fn patch(restapi: &RestAPI, annotations: &[(&str, Option<&str>)]) -> Value {
    let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
    json!({"metadata": {
        "resourceVersion": restapi.resource_version(),
        "annotations": annotations,
    }})
}

/// The annotations that say `command`, and by which span it is given where it is given by one, as `TRACEPARENT` says in
/// pipelines (OpenTelemetry, environment variables as context carriers).
#[must_use]
pub fn annotations<'a>(
    command: &'a str,
    trace: Option<&'a str>,
) -> Vec<(&'static str, Option<&'a str>)> {
    let trace = trace.filter(|text| TraceParent::parse(text).is_some());
    let trace = trace.map(|text| (keys::TRACEPARENT, Some(text)));
    std::iter::once((keys::COMMAND, Some(command)))
        .chain(trace)
        .collect()
}

/// What the command that stands on a `RestAPI` is to who would replace it.
#[derive(Debug, PartialEq, Eq)]
pub enum Before {
    /// There is none, or who gave it could read the answer.
    Nothing,
    /// It was answered, and the status does not tell yet.
    Untold,
    /// It was not answered: who replaces it undoes it.
    Unanswered(String),
}

/// What the command on `restapi` is to who would replace it. Whether it was answered, the records know: the status
/// speaks only of the revision that the spec asks for by now.
#[must_use]
pub fn before(restapi: &RestAPI, records: &[ControllerRevision]) -> Before {
    let Some(command) = restapi.annotations().get(keys::COMMAND) else {
        return Before::Nothing;
    };
    let id = restapi_types::command::id(command);
    let is_answer = |record: &&ControllerRevision| {
        let answered = record.annotations().get(keys::COMMANDED);
        answered.and_then(|answered| answered.split(' ').next()) == Some(&id)
    };
    let Some(record) = records.iter().find(is_answer) else {
        return Before::Unanswered(command.clone());
    };
    let told = restapi.status.as_ref().and_then(|s| s.blue_green.as_ref());
    let will_tell = told.is_some_and(|told| told.revision == Some(record.revision));
    if will_tell && answer::in_status(restapi, &id).is_none() {
        Before::Untold
    } else {
        Before::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restapi(command: Option<&str>) -> RestAPI {
        let annotations = command.map(|command| json!({keys::COMMAND: command}));
        serde_json::from_value(json!({
            "metadata": {"name": "orders", "resourceVersion": "17", "annotations": annotations},
            "spec": {"image": "app:1", "view": {}},
        }))
        .unwrap()
    }

    fn record(answer: &str) -> ControllerRevision {
        serde_json::from_value(json!({
            "metadata": {"name": "orders-a", "annotations": {keys::COMMANDED: answer}}, "revision": 1,
        }))
        .unwrap()
    }

    #[test]
    fn a_command_is_three_words() {
        let now: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let command = Command {
            verb: Verb::Promote,
            revision: 7,
            id: id(now, 36_u64.pow(5) + 35),
        };
        assert_eq!(command.to_string(), "promote 7 mjwaidke-z");
    }

    #[test]
    fn ids_differ_by_time_and_by_chance() {
        let times = [Timestamp::UNIX_EPOCH, Timestamp::constant(1, 0)];
        let ids = times.map(|time| [id(time, 1), id(time, 2)]).concat();
        assert_eq!(ids, ["0-1", "0-2", "rs-1", "rs-2"]);
    }

    #[test]
    fn who_is_part_of_a_trace_says_so() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let told = annotations("promote 2 x", Some(trace));
        let expected = [
            (keys::COMMAND, Some("promote 2 x")),
            (keys::TRACEPARENT, Some(trace)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_patch_names_what_was_read_and_one_annotation() {
        let set = patch(&restapi(None), &annotations("promote 2 x", Some("rubbish")));
        let expected = json!({"metadata": {"resourceVersion": "17", "annotations": {"restapi.dev/command": "promote 2 x"}}});
        assert_eq!(set, expected);
        let removed = patch(&restapi(None), &[(keys::ROLLBACK, None)]);
        assert_eq!(
            removed["metadata"]["annotations"],
            json!({"restapi.dev/rollback": null})
        );
    }

    #[test]
    fn a_command_is_not_replaced_before_its_answer_can_be_read() {
        let nothing = Before::Nothing;
        assert_eq!(before(&restapi(None), &[]), nothing);
        let mut asked = restapi(Some("promote 2 x"));
        let unanswered = Before::Unanswered("promote 2 x".to_owned());
        assert_eq!(before(&asked, &[record("y ok")]), unanswered);
        // The status will not tell of it: the spec asks for another revision by now.
        assert_eq!(before(&asked, &[record("x no too late")]), nothing);
        let mut tell = |id: &str| {
            let command = json!({"id": id, "done": false});
            let told =
                json!({"version": "1", "observedGeneration": 1, "revision": 1, "command": command});
            asked.status = serde_json::from_value(json!({"blueGreen": told})).unwrap();
            before(&asked, &[record("x no too late")])
        };
        assert_eq!(tell("y"), Before::Untold);
        assert_eq!(tell("x"), nothing);
        let odd = restapi(Some("do it"));
        assert_eq!(before(&odd, &[record("do-it no such command")]), nothing);
    }
}
