//! Kubernetes Events about objects, published in the background.
//!
//! Publishing never blocks or fails a reconcile: events wait in a bounded queue, and what does not
//! fit or is refused is counted in `restapi_events_dropped_total`.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use restapi_types::text::shortened;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::shutdown::Shutdown;

/// How many events may wait.
const QUEUE: usize = 256;
/// The API server's limits, in bytes for the note and in characters for the others; all ours are
/// counted in bytes, which is never more generous.
const NOTE_BYTES: usize = 1024;
const WORD_BYTES: usize = 128;
/// How long the library's recorder remembers an event in order to count repetitions.
const AGGREGATION: Duration = Duration::from_mins(6);
/// How many notes are remembered for it at most.
const NOTES: usize = 512;

/// How severe an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// For information.
    Normal,
    /// Something is not as it should be.
    Warning,
}

/// Publishes events about objects under the manager's name. Clones share the queue.
#[derive(Clone, Debug)]
pub struct EventRecorder {
    queue: mpsc::Sender<Entry>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Entry {
    about: ObjectReference,
    severity: Severity,
    reason: String,
    action: String,
    note: String,
}

impl EventRecorder {
    /// A recorder that publishes as `manager` from `instance`, and the publisher, which must be run.
    #[must_use]
    pub fn new(
        client: Client,
        manager: &str,
        instance: &str,
        metrics: Metrics,
    ) -> (Self, Publisher) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let reporter = Reporter {
            controller: manager.to_owned(),
            instance: Some(shortened(instance, WORD_BYTES)),
        };
        let recorders = Recorders {
            client,
            reporter,
            by_note: HashMap::new(),
        };
        let publisher = Publisher {
            queue: receiver,
            recorders,
            metrics: metrics.clone(),
        };
        (
            Self {
                queue: sender,
                metrics,
            },
            publisher,
        )
    }

    /// Publishes an event about the object `about` (see `Resource::object_ref`), soon.
    ///
    /// `reason` is why, as one `PascalCase` word that tools can match; `action` is what was done or
    /// tried, likewise; `note` is the sentence for people, cut to 1024 bytes. Equal events within
    /// six minutes are counted in one. Without an error: when the queue is full, the event is lost
    /// and counted.
    pub fn publish(
        &self,
        about: &ObjectReference,
        severity: Severity,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let entry = Entry {
            about: ObjectReference {
                // Part of the library's comparison of equal events, and different on every write.
                resource_version: None,
                ..about.clone()
            },
            severity,
            reason: shortened(reason, WORD_BYTES),
            action: shortened(action, WORD_BYTES),
            note: shortened(note, NOTE_BYTES),
        };
        if self.queue.try_send(entry).is_err() {
            self.metrics.event_dropped();
        }
    }
}

/// Takes events from the queue and publishes them, one after the other.
#[derive(Debug)]
pub struct Publisher {
    queue: mpsc::Receiver<Entry>,
    recorders: Recorders,
    metrics: Metrics,
}

impl Publisher {
    /// Publishes until `stop`, then what still waits.
    pub async fn run(mut self, stop: Shutdown) {
        let stopped = stop.requested();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => break,
                // None: no recorder is left that could send; stay until the end all the same.
                Some(entry) = self.queue.recv() => self.publish(entry).await,
                else => {
                    stopped.await;
                    return;
                }
            }
        }
        while let Ok(entry) = self.queue.try_recv() {
            self.publish(entry).await;
        }
    }

    async fn publish(&mut self, entry: Entry) {
        let recorder = self.recorders.for_note(&entry.note);
        let event = Event {
            type_: match entry.severity {
                Severity::Normal => EventType::Normal,
                Severity::Warning => EventType::Warning,
            },
            reason: entry.reason,
            note: Some(entry.note),
            action: entry.action,
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, &entry.about).await {
            self.metrics.event_dropped();
            let (namespace, name) = (entry.about.namespace, entry.about.name);
            let reason = event.reason;
            tracing::debug!(%error, namespace, name, reason, "event not published");
        }
    }
}

/// One of the library's recorders per note.
///
/// A recorder counts events as repetitions of one another without looking at the note, and keeps
/// showing the first note; so a changed message would never be seen. With one recorder per note
/// only equal events are counted as one.
struct Recorders {
    client: Client,
    reporter: Reporter,
    by_note: HashMap<String, (Recorder, Instant)>,
}

impl Recorders {
    fn for_note(&mut self, note: &str) -> Recorder {
        let now = Instant::now();
        self.by_note
            .retain(|_, (_, used)| now.duration_since(*used) < AGGREGATION);
        if self.by_note.len() >= NOTES {
            self.by_note.clear();
        }
        let new = || {
            (
                Recorder::new(self.client.clone(), self.reporter.clone()),
                now,
            )
        };
        let (recorder, used) = self.by_note.entry(note.to_owned()).or_insert_with(new);
        *used = now;
        recorder.clone()
    }
}

impl std::fmt::Debug for Recorders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorders")
            .field("notes", &self.by_note.len())
            .finish_non_exhaustive()
    }
}
