//! Events over NATS `JetStream`: what managers tell each other, and whoever else listens.
//!
//! They are hints, and history for people: whoever receives one looks at the object again. So nothing here ever waits
//! on behalf of a reconcile, and nothing goes wrong without NATS. What is told is derived from what stands on objects
//! (`restapi_types::event`); it goes out once per process, and a repetition has the same id.

mod connection;
mod listener;
mod metrics;
mod outbox;
mod publisher;
mod settings;
mod stream;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream as streams};
use restapi_types::Event;
use tokio::sync::mpsc;

pub use self::metrics::BusMetrics;
use self::outbox::Outbox;
pub use self::outbox::Undelivered;
pub use self::settings::NatsArgs;
use crate::context::BackgroundTask;
use crate::lease::Shards;
use crate::shell::ManagerInfo;
use crate::shutdown::Shutdown;
use crate::told::Told;
use crate::tracker::Owner;

/// How many applications may wait to be looked at again. What has no room waits in the stream.
const HINTS: usize = 256;

/// Tells events, and hears those of others. Clones share what was told.
#[derive(Clone, Debug)]
pub struct Bus {
    outbox: Option<Outbox>,
    told: Told<String>,
    hints: Arc<Mutex<Option<mpsc::Receiver<Owner>>>>,
}

impl Bus {
    /// Nothing is told, and nothing heard.
    #[must_use]
    pub fn nowhere() -> Self {
        Self {
            outbox: None,
            told: Told::default(),
            hints: Arc::default(),
        }
    }

    /// The bus of a manager, and the tasks that have to run for it: none where no server is set. They end after
    /// `release` is requested.
    #[must_use]
    pub(crate) fn assemble(
        info: ManagerInfo,
        args: &NatsArgs,
        namespace: Option<&str>,
        shards: &Shards,
        metrics: &BusMetrics,
        release: &Shutdown,
    ) -> (Self, Vec<BackgroundTask>) {
        let Some(connection) = connection::Settings::new(info, args) else {
            return (Self::nowhere(), Vec::new());
        };
        let outbox = Outbox::new(metrics.clone());
        let (hints, heard) = mpsc::channel(HINTS);
        let listener = listener::Listener {
            manager: info.name,
            namespace: namespace.map(str::to_owned),
            shards: shards.clone(),
            hints,
            metrics: metrics.clone(),
        };
        let publisher = publisher::Publisher {
            outbox: outbox.clone(),
            metrics: metrics.clone(),
        };
        let replicas = args.nats_stream_replicas;
        let (metrics, release) = (metrics.clone(), release.clone());
        let task = async move {
            let Some(link) = connection::open(&connection, replicas, &metrics, &release).await
            else {
                return;
            };
            let listening = async {
                tokio::select! {
                    () = listener.run(&link) => {}
                    () = link.keep_looking() => {}
                    () = release.requested() => {}
                }
            };
            tokio::join!(publisher.run(&link, &release), listening);
        };
        let bus = Self {
            outbox: Some(outbox),
            told: Told::default(),
            hints: Arc::new(Mutex::new(Some(heard))),
        };
        (bus, vec![("nats", task.boxed())])
    }

    /// Whether anything is told: where nothing is, nothing has to be made.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.outbox.is_some()
    }

    /// Tells of an object's events those that this process has not. Never waits: what there is no room for is lost and
    /// counted. What is not among `events` any more is forgotten.
    pub fn tell(&self, owner: &Owner, events: Vec<Event>) {
        let Some(outbox) = &self.outbox else { return };
        let now: HashSet<_> = events.iter().map(|event| event.id.clone()).collect();
        let before = self.told.replace(owner, now);
        let new = events
            .into_iter()
            .filter(|event| !before.contains(&event.id));
        new.for_each(|event| outbox.put(owner, event));
    }

    /// Forgets what was told of an object that does not exist any more.
    pub fn forget(&self, owner: &Owner) {
        self.told.forget(owner);
    }

    /// What of an object's events waits to go out; nothing where all is well.
    #[must_use]
    pub fn undelivered(&self, owner: &Owner) -> Option<Undelivered> {
        self.outbox.as_ref()?.undelivered(owner)
    }

    /// The objects, by namespace and name, that somebody else told something of, and those whose events got out after
    /// all. To be taken once: a second stream of the same bus stays silent. Never ends.
    #[must_use]
    pub fn hints(&self) -> BoxStream<'static, Owner> {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((receiver, outbox)) = hints.take().zip(self.outbox.as_ref()) else {
            return streams::pending().boxed();
        };
        let heard = streams::unfold(receiver, |mut receiver| async move {
            Some((receiver.recv().await?, receiver))
        });
        streams::select(heard, outbox.relieved()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use restapi_types::EventKind;
    use restapi_types::event::{ApplicationRef, Facts};

    use super::*;

    fn owner() -> Owner {
        ("shop".to_owned(), "orders".to_owned())
    }

    fn event(second: i64) -> Event {
        let application = ApplicationRef {
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
            uid: "u".to_owned(),
        };
        let time = jiff::Timestamp::from_second(second).unwrap();
        Event::new(EventKind::RolloutStarted, time, Facts::of(application))
    }

    fn bus() -> (Bus, Outbox) {
        let outbox = Outbox::new(BusMetrics::default());
        let bus = Bus {
            outbox: Some(outbox.clone()),
            ..Bus::nowhere()
        };
        (bus, outbox)
    }

    fn waiting(outbox: &Outbox) -> Vec<i64> {
        let mut all = Vec::new();
        while let Some(event) = outbox.first() {
            all.push(event.time.as_second());
            outbox.done(&event.id);
        }
        all
    }

    #[test]
    fn each_event_goes_out_once_however_often_it_is_told() {
        let (bus, outbox) = bus();
        bus.tell(&owner(), vec![event(1)]);
        bus.tell(&owner(), vec![event(1), event(2)]);
        assert_eq!(waiting(&outbox), [1, 2]);
        bus.tell(&owner(), vec![event(1), event(2)]);
        assert!(waiting(&outbox).is_empty());
    }

    #[test]
    fn what_was_forgotten_goes_out_again_under_the_same_id() {
        let (bus, outbox) = bus();
        bus.tell(&owner(), vec![event(1)]);
        let first = outbox.first().unwrap();
        outbox.done(&first.id);
        bus.forget(&owner());
        bus.tell(&owner(), vec![event(1)]);
        assert_eq!(outbox.first().unwrap().id, first.id);
    }

    #[tokio::test]
    async fn without_a_server_nothing_is_kept_and_hints_stay_silent() {
        let bus = Bus::nowhere();
        bus.tell(&owner(), vec![event(1)]);
        assert!(!bus.is_on());
        assert!(bus.hints().next().now_or_never().is_none());
    }
}
