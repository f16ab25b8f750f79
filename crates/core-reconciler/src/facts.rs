//! The events of an application as a whole, told from its status. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use restapi_types::event::Facts;
use restapi_types::{Event, EventKind, RestAPI, RestAPIStatus, conditions};
use workloads::facts::{application, is_told};

/// What status says has happened a short time ago.
#[must_use]
pub fn events(restapi: &RestAPI, now: Timestamp) -> Vec<Event> {
    let Some(status) = &restapi.status else {
        return Vec::new();
    };
    let turned = [
        synced(restapi, status),
        readiness(restapi, status),
        stalled(restapi, status),
    ];
    let recent = turned.into_iter().flatten();
    recent.filter(|event| is_told(event, now)).collect()
}

fn synced(restapi: &RestAPI, status: &RestAPIStatus) -> Option<Event> {
    let at = status.core.as_ref()?.synced_at.as_ref()?.0;
    let facts = facts(restapi, status);
    Some(Event::new(EventKind::ApplicationSynced, at, facts))
}

fn readiness(restapi: &RestAPI, status: &RestAPIStatus) -> Option<Event> {
    let ready = status.condition(conditions::READY)?;
    let kind = match ready.status.as_str() {
        "True" => EventKind::ApplicationReady,
        _ => EventKind::ApplicationUnready,
    };
    Some(turned(restapi, status, kind, ready))
}

fn stalled(restapi: &RestAPI, status: &RestAPIStatus) -> Option<Event> {
    let stalled = status
        .condition(conditions::STALLED)
        .filter(|c| c.status == "True")?;
    Some(turned(
        restapi,
        status,
        EventKind::ApplicationStalled,
        stalled,
    ))
}

fn turned(restapi: &RestAPI, status: &RestAPIStatus, kind: EventKind, why: &Condition) -> Event {
    let facts = Facts {
        reason: Some(why.reason.clone()),
        ..facts(restapi, status)
    };
    Event::new(kind, why.last_transition_time.0, facts)
}

fn facts(restapi: &RestAPI, status: &RestAPIStatus) -> Facts {
    let core = status.core.as_ref();
    Facts {
        revision: core.and_then(|core| core.revision_number),
        revision_hash: core.map(|core| core.revision.clone()),
        ..Facts::of(application(restapi))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn restapi(status: &serde_json::Value) -> RestAPI {
        let restapi = json!({
            "apiVersion": "restapi.dev/v1alpha1",
            "kind": "RestAPI",
            "metadata": {"namespace": "shop", "name": "orders", "uid": "u"},
            "spec": {},
            "status": status,
        });
        serde_json::from_value(restapi).unwrap()
    }

    fn status(ready: &str, stalled: &str) -> serde_json::Value {
        let condition = |kind: &str, status: &str, reason: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": "",
                   "lastTransitionTime": "2026-01-02T03:04:05Z"})
        };
        json!({
            "core": {"version": "1", "revision": "4be1f06a9c55", "revisionNumber": 2,
                     "syncedAt": "2026-01-02T03:04:06.123456Z"},
            "conditions": [
                condition("Ready", ready, "Whatever"),
                condition("Stalled", stalled, "ImagePullFailed"),
            ],
        })
    }

    fn told(ready: &str, stalled: &str, now: &str) -> Vec<&'static str> {
        let events = events(&restapi(&status(ready, stalled)), now.parse().unwrap());
        let kinds = events.iter().filter_map(Event::known_kind);
        kinds.map(EventKind::as_str).collect()
    }

    #[test]
    fn what_turned_is_told_for_a_while() {
        let soon = "2026-01-02T03:05:00Z";
        assert_eq!(
            told("True", "False", soon),
            ["application.synced", "application.ready"]
        );
        assert_eq!(
            told("False", "True", soon),
            [
                "application.synced",
                "application.unready",
                "application.stalled"
            ]
        );
        assert!(told("True", "False", "2026-01-02T03:30:00Z").is_empty());
    }

    #[test]
    fn an_event_has_the_revision_and_the_reason() {
        let now = "2026-01-02T03:05:00Z".parse().unwrap();
        let events = events(&restapi(&status("False", "True")), now);
        let stalled = events.last().unwrap();
        assert_eq!(stalled.data.reason.as_deref(), Some("ImagePullFailed"));
        assert_eq!(stalled.data.revision, Some(2));
        assert_eq!(
            stalled.id,
            "u/4be1f06a9c55/0/application.stalled/1767323045000000"
        );
    }

    #[test]
    fn without_a_status_nothing_is_told() {
        let restapi = restapi(&json!(null));
        assert!(events(&restapi, Timestamp::UNIX_EPOCH).is_empty());
    }
}
