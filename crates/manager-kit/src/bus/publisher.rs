//! Publishes events, one after the other, as they happened.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use restapi_types::Event;
use restapi_types::event::{CONTENT_TYPE, STREAM};
use restapi_types::trace::TraceParent;
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, Span, info_span};

use super::connection::{Link, Trouble};
use super::metrics::{BusMetrics, Lost, Step};
use super::outbox::Outbox;
use crate::random;
use crate::shutdown::Shutdown;
use crate::telemetry;

/// How often an event is tried that the server answers but does not take.
const TRIES: u32 = 5;

/// The delays between tries, doubled with each.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// How long what waits may take to go out when the manager ends.
const LAST: Duration = Duration::from_secs(1);

/// Takes events from the outbox.
pub(super) struct Publisher {
    pub(super) outbox: Outbox,
    pub(super) metrics: BusMetrics,
}

impl Publisher {
    /// Publishes until `release`, then what still waits if that is quick.
    pub(super) async fn run(&self, link: &Link, release: &Shutdown) {
        let all = async {
            loop {
                self.one(link).await;
            }
        };
        tokio::select! {
            () = all => {}
            () = release.requested() => {}
        }
        let rest = async {
            while self.outbox.first().is_some() {
                self.one(link).await;
            }
        };
        if timeout(LAST, rest).await.is_err() {
            tracing::warn!("not all events reached NATS in time");
        }
    }

    /// Publishes the one that has waited longest, however long the connection or the stream is away. What the stream
    /// does not take in some tries is lost, or it would keep back all others.
    async fn one(&self, link: &Link) {
        let event = self.outbox.next().await;
        let (mut tries, mut failures) = (0, 0);
        loop {
            link.up().await;
            let Err(trouble) = self.publish(link, &event).await else {
                break;
            };
            self.metrics.failed(Step::Publish);
            link.doubt_stream().await;
            // Cut off in the middle, or nowhere to go: that says nothing of the event.
            if link.is_up() && !matches!(trouble, Trouble::Stream(_)) {
                tries += 1;
                tracing::debug!(error = %trouble, tries, "an event did not get through");
            }
            if tries >= TRIES {
                tracing::warn!(error = %trouble, id = event.id, "an event is lost");
                self.metrics.lost(Lost::Refused);
                break;
            }
            failures += 1;
            let delay = random::backoff(FIRST, LONGEST, failures);
            sleep(random::jitter(delay)).await;
        }
        self.outbox.done(&event.id);
    }

    async fn publish(&self, link: &Link, event: &Event) -> Result<(), Trouble> {
        link.stream().await?;
        let (Some(subject), Some(kind)) = (event.nats_subject(), event.known_kind()) else {
            return Err(Trouble::Publish("its kind is not known".to_owned()));
        };
        let destination = restapi_types::event::subject("{namespace}", "{name}", kind);
        let span = info_span!(
            parent: None,
            "publish",
            otel.name = format!("publish {destination}"),
            otel.kind = "producer",
            messaging.system = "nats",
            messaging.operation.name = "publish",
            messaging.operation.r#type = "send",
            messaging.destination.name = subject,
            messaging.destination.template = destination,
            messaging.message.id = event.id,
        );
        self.send(link, event, subject).instrument(span).await
    }

    async fn send(&self, link: &Link, event: &Event, subject: String) -> Result<(), Trouble> {
        let payload = serde_json::to_vec(event).map_err(|e| Trouble::Publish(e.to_string()))?;
        let rollout = event.traceparent.as_deref().and_then(TraceParent::parse);
        if let Some(rollout) = &rollout {
            telemetry::link(rollout);
        }
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event.id.as_str());
        headers.insert(NATS_EXPECTED_STREAM, STREAM);
        headers.insert("Content-Type", CONTENT_TYPE);
        // Whoever receives it finds the span that sent it, and from there the rollout.
        let sent = telemetry::context(&Span::current()).or(rollout);
        if let Some(sent) = sent {
            headers.insert("traceparent", sent.to_string().as_str());
        }
        let taken = link.publish(subject, headers, payload.into()).await;
        let taken = taken.map_err(Trouble::Publish)?;
        self.metrics.published(taken.duplicate);
        Ok(())
    }
}
