//! Tries of gates that are under way or have ended. A reconcile waits for nothing: it begins tries, and is asked for
//! again when one has ended.
//!
//! What is known here is lost with the process, and tried again: it counts once it stands on the record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::channel::mpsc;
use futures::stream::BoxStream;
use kube::runtime::reflector::ObjectRef;
use manager_kit::clock::Clock;
use manager_kit::tracker::Owner;
use restapi_types::RestAPI;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::plan::gates::{Key, Tried, Try};
use crate::probe::{Prometheus, probe};

/// How many tries are under way at most, of all applications.
const AT_ONCE: usize = 32;

/// How long what a try showed is of use: one that ended while somebody else did the work says nothing any more.
const FRESH: Duration = Duration::from_mins(1);

/// A try.
enum State {
    Running(JoinHandle<()>),
    Ended(Tried, Instant),
}

impl Drop for State {
    fn drop(&mut self) {
        if let Self::Running(task) = self {
            task.abort();
        }
    }
}

type All = BTreeMap<Owner, BTreeMap<Key, State>>;

/// All tries. Clones share them.
#[derive(Clone)]
pub struct Tries {
    all: Arc<Mutex<All>>,
    slots: Arc<Semaphore>,
    prometheus: Option<Arc<Prometheus>>,
    clock: Clock,
    ended: mpsc::UnboundedSender<Owner>,
}

impl Tries {
    /// None yet; and a stream of the applications of which one has ended.
    #[must_use]
    pub fn new(
        prometheus: Option<Prometheus>,
        clock: Clock,
    ) -> (Self, BoxStream<'static, ObjectRef<RestAPI>>) {
        let (ended, changed) = mpsc::unbounded();
        let tries = Self {
            all: Arc::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            prometheus: prometheus.map(Arc::new),
            clock,
            ended,
        };
        let changed =
            changed.map(|(namespace, name): Owner| ObjectRef::new(&name).within(&namespace));
        (tries, changed.boxed())
    }

    /// What tries of an application's gates have shown.
    #[must_use]
    pub fn ended(&self, owner: &Owner) -> Vec<Tried> {
        let all = self.lock();
        let own = all.get(owner).into_iter().flat_map(BTreeMap::values);
        own.filter_map(|state| match state {
            State::Ended(tried, at) if at.elapsed() < FRESH => Some(tried.clone()),
            State::Ended(..) | State::Running(_) => None,
        })
        .collect()
    }

    /// Forgets an application.
    pub fn forget(&self, owner: &Owner) {
        self.lock().remove(owner);
    }

    /// Begins those that are due, and forgets all but the open ones. `seen` is what it was decided from: what ended
    /// since is no reason to try again.
    pub fn begin(&self, owner: &Owner, open: &BTreeSet<Key>, due: Vec<Try>, seen: &[Tried]) {
        let mut all = self.lock();
        if open.is_empty() {
            all.remove(owner);
            return;
        }
        let own = all.entry(owner.clone()).or_default();
        own.retain(|key, _| open.contains(key));
        for next in due {
            let is_wanted = match own.get(&next.key) {
                None => true,
                Some(State::Running(_)) => false,
                Some(State::Ended(tried, at)) => seen.contains(tried) || at.elapsed() >= FRESH,
            };
            if is_wanted {
                let key = next.key.clone();
                own.insert(key, State::Running(self.spawn(owner.clone(), next)));
            }
        }
    }

    fn spawn(&self, owner: Owner, next: Try) -> JoinHandle<()> {
        let own = self.clone();
        tokio::spawn(async move {
            let Ok(_slot) = own.slots.acquire().await else {
                return;
            };
            let answer = probe(own.prometheus.as_deref(), &next).await;
            let tried = Tried {
                key: next.key.clone(),
                at: own.clock.now(),
                answer,
            };
            let state = State::Ended(tried, Instant::now());
            if let Some(of_it) = own.lock().get_mut(&owner) {
                of_it.insert(next.key, state);
            }
            // Nobody listens at the end of the process only.
            let _ = own.ended.unbounded_send(owner);
        })
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
