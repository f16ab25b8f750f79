//! Events: facts about an application that a manager tells the others, and whoever else listens, over NATS.
//!
//! They are hints. Whoever receives one looks at the object again, and does what that asks for: an event that is lost,
//! late, repeated, out of order or forged changes nothing but when that happens.
//!
//! On the wire each is a `CloudEvent` 1.0 in JSON, on the subject `restapi.v1.NAMESPACE.NAME.TYPE`. Like spans of a
//! rollout, an event is derived from what stands on objects: whoever tells it, and however often, it has the same id.

mod access;
mod kind;
mod schema;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use access::{READER, authorization, certificate_name, managers};
pub use kind::EventKind;
pub use schema::{asyncapi, schemas};

use crate::trace::TraceParent;

/// The stream that keeps events.
pub const STREAM: &str = "RESTAPI_EVENTS";

/// What subjects of events begin with.
const PREFIX: &str = "restapi.v1";

/// What subjects of messages begin with that nobody could read; the manager's name follows.
pub const DEAD_LETTERS: &str = "restapi.dead.v1";

/// The content type of an event on the wire.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The subjects of everything that [`STREAM`] keeps.
pub const SUBJECTS: [&str; 2] = ["restapi.v1.>", "restapi.dead.v1.>"];

/// Of which application an event speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationRef {
    /// The namespace of the `RestAPI`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: another application may have had the name before.
    pub uid: String,
}

/// What happened, in facts. Whatever else there is to know stands on the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The application.
    pub application: ApplicationRef,
    /// The number of the revision in the application's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The hash of the revision, which it keeps when an application comes back to it under another number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_hash: Option<String>,
    /// The number of the attempt at the revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// The reason of the condition that turned, a `CamelCase` word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name of the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
}

impl Facts {
    /// That something happened to the application, and no more.
    #[must_use]
    pub const fn of(application: ApplicationRef) -> Self {
        Self {
            application,
            revision: None,
            revision_hash: None,
            attempt: None,
            reason: None,
            gate: None,
        }
    }
}

/// An event as it is on the wire: a `CloudEvent` in the structured form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The version of `CloudEvents`: `1.0`.
    pub specversion: String,
    /// The same for the same fact, whoever tells it: also what NATS tells repetitions by (`Nats-Msg-Id`).
    pub id: String,
    /// Who tells it: `restapi.dev/MANAGER`.
    pub source: String,
    /// What happened: `dev.restapi.TYPE.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The application: `NAMESPACE/NAME`.
    pub subject: String,
    /// When it happened, to the microsecond where that is recorded.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// `application/json`.
    pub datacontenttype: String,
    /// The rollout that it belongs to, as W3C's Trace Context writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What happened.
    pub data: Facts,
}

impl Event {
    /// That `kind` happened at `time`.
    #[must_use]
    pub fn new(kind: EventKind, time: Timestamp, data: Facts) -> Self {
        let application = &data.application;
        Self {
            specversion: "1.0".to_owned(),
            id: id(kind, time, &data),
            source: format!("restapi.dev/{}", kind.manager()),
            kind: format!("dev.restapi.{}.v1", kind.as_str()),
            subject: format!("{}/{}", application.namespace, application.name),
            time,
            datacontenttype: "application/json".to_owned(),
            traceparent: None,
            data,
        }
    }

    /// The same, as a part of a rollout.
    #[must_use]
    pub fn within(mut self, rollout: &TraceParent) -> Self {
        self.traceparent = Some(rollout.to_string());
        self
    }

    /// What kind of event it is; nothing where this version does not know it.
    #[must_use]
    pub fn known_kind(&self) -> Option<EventKind> {
        let text = self
            .kind
            .strip_prefix("dev.restapi.")?
            .strip_suffix(".v1")?;
        EventKind::parse(text)
    }

    /// The subject it is published on; nothing where this version does not know its kind.
    #[must_use]
    pub fn nats_subject(&self) -> Option<String> {
        let application = &self.data.application;
        Some(subject(
            &application.namespace,
            &application.name,
            self.known_kind()?,
        ))
    }
}

/// The subject of events of a kind; `*` stands for any namespace or name.
#[must_use]
pub fn subject(namespace: &str, name: &str, kind: EventKind) -> String {
    format!("{PREFIX}.{namespace}.{name}.{}", kind.as_str())
}

/// The application, `(namespace, name)`, that a subject of events speaks of.
#[must_use]
pub fn application_of(subject: &str) -> Option<(&str, &str)> {
    let rest = subject.strip_prefix(PREFIX)?.strip_prefix('.')?;
    let mut tokens = rest.split('.');
    let (namespace, name, _kind) = (tokens.next()?, tokens.next()?, tokens.next()?);
    (!namespace.is_empty() && !name.is_empty()).then_some((namespace, name))
}

/// The name under which a server knows how far a manager has got in the stream: the same for all its instances.
#[must_use]
pub fn durable(manager: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("{manager}-v1-{namespace}"),
        None => format!("{manager}-v1"),
    }
}

/// What the subjects begin with on which `who` gets its answers: nobody else may listen there.
#[must_use]
pub fn inbox(who: &str) -> String {
    format!("_INBOX_{who}")
}

/// The same fact has the same id: of which application and rollout, what, and when.
fn id(kind: EventKind, time: Timestamp, data: &Facts) -> String {
    let uid = &data.application.uid;
    let revision = data.revision_hash.as_deref().unwrap_or("-");
    let attempt = data.attempt.unwrap_or_default();
    let what = match &data.gate {
        Some(gate) => format!("{}.{gate}", kind.as_str()),
        None => kind.as_str().to_owned(),
    };
    format!(
        "{uid}/{revision}/{attempt}/{what}/{}",
        time.as_microsecond()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let application = ApplicationRef {
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
            uid: "8a5c8e9e".to_owned(),
        };
        Facts {
            revision: Some(2),
            revision_hash: Some("4be1f06a9c55".to_owned()),
            attempt: Some(3),
            ..Facts::of(application)
        }
    }

    fn event() -> Event {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let rollout = TraceParent::parse(text).unwrap();
        let time = "2026-01-02T03:04:05.123456Z".parse().unwrap();
        Event::new(EventKind::TrafficSwitched, time, facts()).within(&rollout)
    }

    #[test]
    fn an_event_is_on_the_wire_what_the_schema_says() {
        let text = serde_json::to_string_pretty(&event()).unwrap();
        let expected = r#"{
  "specversion": "1.0",
  "id": "8a5c8e9e/4be1f06a9c55/3/traffic.switched/1767323045123456",
  "source": "restapi.dev/bluegreen-manager",
  "type": "dev.restapi.traffic.switched.v1",
  "subject": "shop/orders",
  "time": "2026-01-02T03:04:05.123456Z",
  "datacontenttype": "application/json",
  "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "data": {
    "application": {
      "namespace": "shop",
      "name": "orders",
      "uid": "8a5c8e9e"
    },
    "revision": 2,
    "revisionHash": "4be1f06a9c55",
    "attempt": 3
  }
}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event());
    }

    #[test]
    fn what_a_newer_manager_adds_is_read_over() {
        let mut value = serde_json::to_value(event()).unwrap();
        value["type"] = "dev.restapi.traffic.mirrored.v1".into();
        value["data"]["weight"] = 50.into();
        let read: Event = serde_json::from_value(value).unwrap();
        assert_eq!(read.known_kind(), None);
        assert_eq!(read.data, facts());
    }

    #[test]
    fn another_fact_has_another_id() {
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let gate = |name: &str| Facts {
            gate: Some(name.to_owned()),
            ..facts()
        };
        let all = [
            Event::new(EventKind::RolloutStarted, at(1), facts()),
            Event::new(EventKind::RolloutStarted, at(2), facts()),
            Event::new(EventKind::PreviewReady, at(1), facts()),
            Event::new(EventKind::GatePassed, at(1), gate("a")),
            Event::new(EventKind::GatePassed, at(1), gate("b")),
        ];
        let ids: std::collections::BTreeSet<_> = all.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), all.len());
    }

    #[test]
    fn a_subject_says_which_application_it_speaks_of() {
        let subject = event().nats_subject().unwrap();
        assert_eq!(subject, "restapi.v1.shop.orders.traffic.switched");
        assert_eq!(application_of(&subject), Some(("shop", "orders")));
        for other in [
            "restapi.v1.shop",
            "restapi.v2.shop.orders.x",
            "x",
            "restapi.v1...x",
        ] {
            assert_eq!(application_of(other), None, "{other}");
        }
    }
}
