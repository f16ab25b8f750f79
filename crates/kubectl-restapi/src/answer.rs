//! What a manager answered. Pure.

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;
use restapi_types::{RestAPI, conditions, keys};

/// Core-reconciler's words for a revision that is held back.
pub const REVISION_HELD: &str = "RevisionHeld";
/// Core-reconciler's word for an order to go back that can't be carried out, or is over.
pub const ROLLBACK_VOID: &str = "RollbackVoid";

/// What became of something that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was not, for that reason.
    Refused(String),
}

/// What the status says about the command of that id.
#[must_use]
pub fn in_status(restapi: &RestAPI, id: &str) -> Option<Answer> {
    let told = restapi.status.as_ref()?.blue_green.as_ref()?;
    let command = told.command.as_ref().filter(|command| command.id == id)?;
    Some(answer(command.done, command.reason.clone()))
}

/// What the records say about it: the status tells only of the revision that the spec asks for by now.
#[must_use]
pub fn in_records(records: &[ControllerRevision], id: &str) -> Option<Answer> {
    records.iter().find_map(|record| {
        let mut words = record.annotations().get(keys::COMMANDED)?.splitn(3, ' ');
        if words.next()? != id {
            return None;
        }
        Some(answer(
            words.next() == Some("ok"),
            words.next().map(str::to_owned),
        ))
    })
}

fn answer(is_done: bool, reason: Option<String>) -> Answer {
    if is_done {
        Answer::Done
    } else {
        Answer::Refused(reason.unwrap_or_else(|| "no reason was given".to_owned()))
    }
}

/// What core-reconciler made of the annotation `restapi.dev/rollback: NUMBER`.
#[must_use]
pub fn of_going_back(restapi: &RestAPI, number: i64) -> Option<Answer> {
    let ready = ready(restapi)?;
    let serving = format!("serving {number}:");
    let about = format!("revision {number} ");
    match ready.reason.as_str() {
        REVISION_HELD if ready.message.contains(&serving) => Some(Answer::Done),
        // One that an earlier order left may name another number.
        ROLLBACK_VOID if ready.message.contains(&about) => {
            Some(Answer::Refused(ready.message.clone()))
        }
        _ => None,
    }
}

/// Whether core-reconciler has seen that the annotation is gone.
#[must_use]
pub fn of_going_on(restapi: &RestAPI) -> Option<Answer> {
    let reason = ready(restapi)?.reason.as_str();
    (!matches!(reason, REVISION_HELD | ROLLBACK_VOID)).then_some(Answer::Done)
}

/// The condition Ready.
#[must_use]
pub fn ready(restapi: &RestAPI) -> Option<&Condition> {
    restapi.status.as_ref()?.condition(conditions::READY)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn restapi(status: &Value) -> RestAPI {
        serde_json::from_value(json!({
            "metadata": {"name": "orders"}, "spec": {"image": "app:1", "view": {}}, "status": status,
        }))
        .unwrap()
    }

    fn ready_says(reason: &str, message: &str) -> RestAPI {
        let time = "2026-01-01T00:00:00Z";
        restapi(&json!({"conditions": [
            {"type": "Ready", "status": "False", "reason": reason, "message": message, "lastTransitionTime": time},
        ]}))
    }

    #[test]
    fn an_answer_is_that_of_the_id() {
        let told = |command: Value| {
            restapi(
                &json!({"blueGreen": {"version": "1", "observedGeneration": 1, "command": command}}),
            )
        };
        let refused = told(json!({"id": "a", "done": false, "reason": "too late"}));
        assert_eq!(
            in_status(&refused, "a"),
            Some(Answer::Refused("too late".into()))
        );
        assert_eq!(in_status(&refused, "b"), None);
        let done = told(json!({"id": "a", "done": true}));
        assert_eq!(in_status(&done, "a"), Some(Answer::Done));
        assert_eq!(in_status(&restapi(&json!({})), "a"), None);
    }

    #[test]
    fn records_keep_answers_that_the_status_does_not_tell_any_more() {
        let record: ControllerRevision = serde_json::from_value(json!({
            "metadata": {"annotations": {"restapi.dev/commanded": "a no revision 2 serves already"}}, "revision": 2,
        }))
        .unwrap();
        let refused = Answer::Refused("revision 2 serves already".into());
        assert_eq!(
            in_records(std::slice::from_ref(&record), "a"),
            Some(refused)
        );
        assert_eq!(in_records(&[record], "b"), None);
    }

    #[rstest]
    #[case(
        REVISION_HELD,
        "revision 9 held, serving 7: change the spec",
        Some(Answer::Done)
    )]
    #[case(REVISION_HELD, "revision 9 held, serving 70: change the spec", None)]
    #[case(ROLLBACK_VOID, "there is no revision 7 to go back to", Some(Answer::Refused("there is no revision 7 to go back to".into())))]
    #[case(ROLLBACK_VOID, "there is no revision 4 to go back to", None)]
    #[case("Synced", "everything exists", None)]
    fn an_order_to_go_back_is_answered_in_ready(
        #[case] reason: &str,
        #[case] message: &str,
        #[case] expected: Option<Answer>,
    ) {
        assert_eq!(of_going_back(&ready_says(reason, message), 7), expected);
    }

    #[rstest]
    #[case(REVISION_HELD, None)]
    #[case(ROLLBACK_VOID, None)]
    #[case("Updating", Some(Answer::Done))]
    fn it_goes_on_once_nothing_is_held(#[case] reason: &str, #[case] expected: Option<Answer>) {
        assert_eq!(of_going_on(&ready_says(reason, "")), expected);
    }
}
