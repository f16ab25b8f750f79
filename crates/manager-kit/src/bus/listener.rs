//! Hears events of other managers, each of which has an application looked at again.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, Message};
use futures::StreamExt as _;
use restapi_types::event::{DEAD_LETTERS, STREAM, application_of, durable, subject};
use restapi_types::trace::TraceParent;
use restapi_types::{Event, EventKind};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{Instrument as _, info_span};

use super::connection::{Link, Trouble};
use super::metrics::{BusMetrics, Received, Step};
use crate::lease::Shards;
use crate::random;
use crate::telemetry;
use crate::tracker::Owner;

/// How long to wait after something went wrong.
const AGAIN: Duration = Duration::from_secs(2);

/// How long the server waits for an answer before it delivers a message again: ever longer.
const BACKOFF: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_mins(2),
];

/// How often a message is delivered. The last time it is put aside: whoever had it before did not survive it.
const DELIVERIES: i64 = 5;

/// Hears events.
pub(super) struct Listener {
    pub(super) manager: &'static str,
    /// The only namespace to hear of.
    pub(super) namespace: Option<String>,
    pub(super) shards: Shards,
    pub(super) hints: mpsc::Sender<Owner>,
    pub(super) metrics: BusMetrics,
}

impl Listener {
    /// Listens while this instance holds a shard: whoever stands by would take hints from the one who works.
    pub(super) async fn run(&self, link: &Link) {
        let mut acquired = Box::pin(self.shards.acquisitions());
        while let Some(shard) = acquired.next().await {
            tokio::select! {
                () = self.listen(link) => {}
                () = shard.lost() => {}
            }
        }
    }

    async fn listen(&self, link: &Link) {
        let mut complaint = String::new();
        loop {
            link.up().await;
            let Err(trouble) = self.consume(link).await else {
                continue;
            };
            self.metrics.failed(Step::Consume);
            let why = trouble.to_string();
            if link.is_up() && complaint != why {
                tracing::warn!(
                    error = why,
                    "no events are heard; what changes is still seen"
                );
                complaint = why;
            }
            link.doubt_stream().await;
            sleep(random::jitter(AGAIN)).await;
        }
    }

    async fn consume(&self, link: &Link) -> Result<(), Trouble> {
        link.stream().await?;
        let consumer = self.consumer(link).await?;
        let failed = |error: &dyn std::error::Error| Trouble::Consume(telemetry::chain(error));
        let messages = consumer
            .stream()
            .max_messages_per_batch(64)
            .expires(Duration::from_secs(30))
            .heartbeat(Duration::from_secs(5))
            .messages();
        let mut messages = messages.await.map_err(|error| failed(&error))?;
        while let Some(message) = messages.next().await {
            let message = message.map_err(|error| failed(&error))?;
            self.heard(link, &message).await?;
        }
        Ok(())
    }

    /// Where this manager stands in the stream, which is made anew or changed to what this version hears.
    async fn consumer(&self, link: &Link) -> Result<Consumer<pull::Config>, Trouble> {
        let config = config(self.manager, self.namespace.as_deref());
        let made = link
            .jetstream
            .create_consumer_on_stream(config, STREAM)
            .await;
        made.map_err(|error| Trouble::Consume(telemetry::chain(&error)))
    }

    async fn heard(&self, link: &Link, message: &Message) -> Result<(), Trouble> {
        let span = info_span!(
            parent: None,
            "process",
            otel.name = "process event",
            otel.kind = "consumer",
            messaging.system = "nats",
            messaging.operation.name = "process",
            messaging.operation.r#type = "process",
            messaging.consumer.group.name = self.manager,
            messaging.destination.name = %message.subject,
        );
        self.process(link, message).instrument(span).await
    }

    async fn process(&self, link: &Link, message: &Message) -> Result<(), Trouble> {
        if let Some(sent) = sent_by(message.headers.as_ref()) {
            telemetry::link(&sent);
        }
        let delivered = message.info().map_or(1, |info| info.delivered);
        if delivered > 1 {
            self.metrics.redelivered();
        }
        let owner = match read(&message.subject, &message.payload) {
            Ok(owner) if delivered < DELIVERIES => owner,
            Ok(_) => {
                return self.put_aside(link, message, "delivered too often").await;
            }
            Err(why) => return self.put_aside(link, message, &why).await,
        };
        self.metrics.received(Received::Hint);
        // Where there is no room, the rest waits in the stream.
        if self.hints.send(owner).await.is_err() {
            std::future::pending::<()>().await;
        }
        answer(message, AckKind::Ack).await
    }

    /// Puts a message aside that nobody can do anything with, where people find it.
    async fn put_aside(&self, link: &Link, message: &Message, why: &str) -> Result<(), Trouble> {
        tracing::warn!(
            subject = %message.subject,
            why,
            "an event was put aside"
        );
        let mut headers = HeaderMap::new();
        headers.insert("Restapi-Dead-Reason", why);
        headers.insert("Restapi-Dead-Subject", message.subject.as_str());
        let to = format!("{DEAD_LETTERS}.{}", self.manager);
        let put = link.publish(to, headers, message.payload.clone()).await;
        put.map_err(Trouble::Consume)?;
        self.metrics.received(Received::Dead);
        answer(message, AckKind::Term).await
    }
}

async fn answer(message: &Message, kind: AckKind) -> Result<(), Trouble> {
    let answered = message.ack_with(kind).await;
    answered.map_err(|error| Trouble::Consume(error.to_string()))
}

/// Which application a message is a hint for. What it says beyond that is looked up.
fn read(subject: &str, payload: &[u8]) -> Result<Owner, String> {
    let (namespace, name) =
        application_of(subject).ok_or_else(|| "its subject names no application".to_owned())?;
    let event: Event =
        serde_json::from_slice(payload).map_err(|error| format!("it is no event: {error}"))?;
    let about = &event.data.application;
    if (about.namespace.as_str(), about.name.as_str()) != (namespace, name) {
        return Err("it speaks of another application than its subject".to_owned());
    }
    Ok((namespace.to_owned(), name.to_owned()))
}

fn sent_by(headers: Option<&HeaderMap>) -> Option<TraceParent> {
    TraceParent::parse(headers?.get("traceparent")?.as_str())
}

fn config(manager: &str, namespace: Option<&str>) -> pull::Config {
    let of = namespace.unwrap_or("*");
    let heard = EventKind::heard_by(manager);
    pull::Config {
        durable_name: Some(durable(manager, namespace)),
        description: Some(format!("What {manager} hears of the others")),
        filter_subjects: heard.map(|kind| subject(of, "*", kind)).collect(),
        ack_policy: AckPolicy::Explicit,
        // What happened before it was first there, it sees by itself.
        deliver_policy: DeliverPolicy::New,
        backoff: BACKOFF.to_vec(),
        ack_wait: Duration::from_secs(5),
        max_deliver: DELIVERIES,
        max_ack_pending: 256,
        ..pull::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use restapi_types::event::{ApplicationRef, Facts};

    use super::*;

    fn event(name: &str) -> Event {
        let application = ApplicationRef {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: "u".to_owned(),
        };
        let time = jiff::Timestamp::UNIX_EPOCH;
        Event::new(EventKind::RolloutStarted, time, Facts::of(application))
    }

    #[test]
    fn a_message_is_a_hint_for_the_application_of_its_subject() {
        let subject = "restapi.v1.shop.orders.rollout.started";
        let payload = serde_json::to_vec(&event("orders")).unwrap();
        let owner = read(subject, &payload).unwrap();
        assert_eq!(owner, ("shop".to_owned(), "orders".to_owned()));
    }

    #[test]
    fn what_is_no_event_or_contradicts_itself_is_put_aside_with_the_reason() {
        let subject = "restapi.v1.shop.orders.rollout.started";
        let other = serde_json::to_vec(&event("payments")).unwrap();
        for (subject, payload, why) in [
            (subject, b"{".as_slice(), "no event"),
            (subject, b"\xff\xfe".as_slice(), "no event"),
            (subject, &other, "another application"),
            ("restapi.v1.shop", &other, "names no application"),
        ] {
            let refused = read(subject, payload).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn a_manager_hears_the_others_in_the_namespaces_that_it_works_in() {
        let all = config("core-reconciler", None);
        assert!(
            all.filter_subjects
                .contains(&"restapi.v1.*.*.traffic.switched".to_owned())
        );
        assert!(
            !all.filter_subjects
                .iter()
                .any(|s| s.ends_with("application.ready"))
        );
        let one = config("core-reconciler", Some("shop"));
        assert!(
            one.filter_subjects
                .iter()
                .all(|s| s.starts_with("restapi.v1.shop.*."))
        );
        assert_ne!(one.durable_name, all.durable_name);
    }
}
