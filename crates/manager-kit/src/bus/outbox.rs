//! Events that wait to go out: a queue with an end, whose oldest go when it is full.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use restapi_types::Event;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::metrics::{BusMetrics, Lost};
use crate::tracker::Owner;

/// How many may wait. One takes about half a kilobyte.
const ROOM: usize = 1024;

/// From how long on waiting is worth telling people.
const EXPECTED: Duration = Duration::from_secs(10);

/// How many objects are remembered at most that were told to have events waiting.
const MOST_TROUBLED: usize = 1024;

/// What of an object's events waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// Some do, for no longer than anybody would expect; look again after this time.
    Soon(Duration),
    /// Some do, for longer than that.
    Late,
}

/// The queue. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    state: Arc<Mutex<State>>,
    more: Arc<Notify>,
    relief: Arc<Notify>,
    metrics: BusMetrics,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiting>,
    /// The objects that somebody was told have events waiting.
    troubled: HashSet<Owner>,
    /// Those among them that have none any more, and have not heard of it.
    relieved: VecDeque<Owner>,
}

#[derive(Debug)]
struct Waiting {
    owner: Owner,
    event: Event,
    since: Instant,
}

impl Outbox {
    pub(super) fn new(metrics: BusMetrics) -> Self {
        Self {
            state: Arc::default(),
            more: Arc::default(),
            relief: Arc::default(),
            metrics,
        }
    }

    /// Puts an event at the end. Where there is no room, the oldest is lost: it is of the least use by now.
    pub(super) fn put(&self, owner: &Owner, event: Event) {
        let mut state = self.lock();
        if state.queue.len() >= ROOM {
            state.queue.pop_front();
            self.metrics.lost(Lost::Full);
        }
        state.queue.push_back(Waiting {
            owner: owner.clone(),
            event,
            since: Instant::now(),
        });
        self.metrics.waiting(state.queue.len());
        drop(state);
        self.more.notify_one();
    }

    /// The one that has waited longest.
    pub(super) fn first(&self) -> Option<Event> {
        let state = self.lock();
        state.queue.front().map(|waiting| waiting.event.clone())
    }

    /// The one that has waited longest, once there is one. For one publisher.
    pub(super) async fn next(&self) -> Event {
        loop {
            if let Some(event) = self.first() {
                return event;
            }
            // What was put in since is kept for whoever waits next.
            self.more.notified().await;
        }
    }

    /// That the first is out, or lost for good, unless it had to make room meanwhile.
    pub(super) fn done(&self, id: &str) {
        let mut state = self.lock();
        if state.queue.front().is_some_and(|w| w.event.id == id) {
            state.queue.pop_front();
        }
        self.metrics.waiting(state.queue.len());
        if state.relieve() {
            drop(state);
            self.relief.notify_one();
        }
    }

    /// What of an object's events waits. Once that was told to be late and nothing waits any more, the object is among
    /// [`Outbox::relieved`].
    pub(super) fn undelivered(&self, owner: &Owner) -> Option<Undelivered> {
        let mut state = self.lock();
        let of_it = state.queue.iter().filter(|waiting| waiting.owner == *owner);
        let oldest = of_it.map(|waiting| waiting.since.elapsed()).max()?;
        if let Some(left) = EXPECTED.checked_sub(oldest).filter(|left| !left.is_zero()) {
            return Some(Undelivered::Soon(left));
        }
        if state.troubled.len() < MOST_TROUBLED {
            state.troubled.insert(owner.clone());
        }
        Some(Undelivered::Late)
    }

    /// The objects of which it was told that events wait, when none do any more. For one listener. Never ends.
    pub(super) fn relieved(&self) -> BoxStream<'static, Owner> {
        stream::unfold(self.clone(), |outbox| async move {
            loop {
                let relieved = outbox.lock().relieved.pop_front();
                if let Some(owner) = relieved {
                    return Some((owner, outbox));
                }
                outbox.relief.notified().await;
            }
        })
        .boxed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes who has nothing waiting any more; whether there is anybody.
    fn relieve(&mut self) -> bool {
        if self.troubled.is_empty() {
            return false;
        }
        let waiting: HashSet<_> = self.queue.iter().map(|waiting| &waiting.owner).collect();
        let (still, relieved) = std::mem::take(&mut self.troubled)
            .into_iter()
            .partition(|owner| waiting.contains(owner));
        self.troubled = still;
        let relieved: HashSet<Owner> = relieved;
        let any = !relieved.is_empty();
        self.relieved.extend(relieved);
        any
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use restapi_types::EventKind;
    use restapi_types::event::{ApplicationRef, Facts};

    use super::*;

    fn owner(name: &str) -> Owner {
        ("shop".to_owned(), name.to_owned())
    }

    fn event(second: usize) -> Event {
        let application = ApplicationRef {
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
            uid: "u".to_owned(),
        };
        let time = jiff::Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        Event::new(EventKind::RolloutStarted, time, Facts::of(application))
    }

    #[test]
    fn when_it_is_full_the_oldest_go_and_are_counted() {
        let metrics = BusMetrics::default();
        let outbox = Outbox::new(metrics.clone());
        (0..ROOM + 3).for_each(|n| outbox.put(&owner("a"), event(n)));
        assert_eq!(outbox.first().unwrap(), event(3));
        assert_eq!(metrics.count_lost(Lost::Full), 3);
        outbox.done(&event(0).id);
        assert_eq!(outbox.first().unwrap(), event(3), "another one was done");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_told_that_events_wait_hears_when_none_do_any_more() {
        let outbox = Outbox::new(BusMetrics::default());
        let mut relieved = outbox.relieved();
        outbox.put(&owner("a"), event(1));
        outbox.put(&owner("b"), event(2));
        let soon = Some(Undelivered::Soon(EXPECTED));
        assert_eq!(outbox.undelivered(&owner("a")), soon);
        assert_eq!(outbox.undelivered(&owner("c")), None);
        tokio::time::advance(EXPECTED).await;
        let late = outbox.undelivered(&owner("a"));
        assert_eq!(late, Some(Undelivered::Late));
        assert!(relieved.next().now_or_never().is_none());
        outbox.done(&event(1).id);
        assert_eq!(relieved.next().now_or_never().flatten(), Some(owner("a")));
        outbox.done(&event(2).id);
        assert!(
            relieved.next().now_or_never().is_none(),
            "b was told nothing"
        );
    }
}
