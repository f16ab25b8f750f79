//! Watches of kinds that a cluster may lack: those of the Gateway API, say.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt as _, future, stream};
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::{Watch, is_missing};
use crate::context::Context;

/// How soon a kind that the cluster lacks is asked for again. Each question is a request.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Whether the API server serves a kind. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Served(Arc<AtomicBool>);

impl Served {
    /// Whether it does, as far as is known: not before the first list is complete.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Like [`super::resilient_of`], for a kind that the cluster may lack. Then there are no objects of it: the
/// list is empty, the process is ready, and the watch starts by itself within half a minute after the kind
/// came.
pub fn optional<K>(
    ctx: &Context,
    api: Api<K>,
    kind: &K::DynamicType,
    config: Config,
) -> (impl Stream<Item = Event<K>> + Send + use<K>, Served)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let served = Served::default();
    let watch = Optional {
        watch: Watch::new(ctx, api, kind, config, None),
        served: served.clone(),
        lacking: false,
        next: VecDeque::new(),
    };
    (watch.events(), served)
}

struct Optional<K> {
    watch: Watch<K>,
    served: Served,
    /// Whether the cluster is known to lack the kind, and everybody has been told.
    lacking: bool,
    /// Events that come before those of the watch.
    next: VecDeque<Event<K>>,
}

impl<K> Optional<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    fn events(self) -> impl Stream<Item = Event<K>> + Send + use<K> {
        let events = stream::unfold(self, |mut this| async move {
            let event = this.next_event().await?;
            Some((event, this))
        });
        events.filter_map(future::ready)
    }

    /// The next event of the watch, or none after a wait. Ends only when the watch does.
    async fn next_event(&mut self) -> Option<Option<Event<K>>> {
        if let Some(event) = self.next.pop_front() {
            return Some(Some(event));
        }
        match self.watch.stream.next().await? {
            Ok(event) => {
                self.watch.succeeded(&event);
                if matches!(event, Event::InitDone) {
                    self.served.0.store(true, Ordering::Release);
                    self.lacking = false;
                }
                Some(Some(event))
            }
            Err(error) if is_missing(&error) => {
                self.lacks();
                // Told first, waited for then.
                if self.next.is_empty() {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Some(self.next.pop_front())
            }
            Err(error) => {
                let wait = self.watch.failed(&error);
                tokio::time::sleep(wait).await;
                Some(None)
            }
        }
    }

    /// Tells, once, that there is no object of the kind.
    fn lacks(&mut self) {
        self.served.0.store(false, Ordering::Release);
        if self.lacking {
            return;
        }
        self.lacking = true;
        self.watch.gate.ready();
        tracing::info!(
            kind = self.watch.kind,
            "the cluster does not have this kind; it is asked for again from time to time"
        );
        self.next.extend([Event::Init, Event::InitDone]);
    }
}
