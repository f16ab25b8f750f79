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

impl State {
    fn is_of_use(&self) -> bool {
        match self {
            Self::Running(_) => true,
            Self::Ended(_, at) => at.elapsed() < FRESH,
        }
    }
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
        let fresh = own.filter(|state| state.is_of_use());
        fresh
            .filter_map(|state| match state {
                State::Ended(tried, _) => Some(tried.clone()),
                State::Running(_) => None,
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
                Some(ended @ State::Ended(tried, _)) => seen.contains(tried) || !ended.is_of_use(),
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
            own.note(&owner, next.key, state);
            // Nobody listens at the end of the process only.
            let _ = own.ended.unbounded_send(owner);
        })
    }

    fn note(&self, owner: &Owner, key: Key, state: State) {
        let mut all = self.lock();
        if let Some(own) = all.get_mut(owner) {
            own.insert(key, state);
        }
        // Of applications that are gone, or that somebody else looks after by now.
        all.retain(|_, own| own.values().any(State::is_of_use));
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use restapi_types::spec::gates::Moment;

    use super::*;
    use crate::plan::gates::{Answer, Question};

    fn owner() -> Owner {
        ("shop".to_owned(), "orders".to_owned())
    }

    fn key() -> Key {
        Key {
            attempt: 2,
            moment: Moment::PreSwitch,
            name: "smoke".to_owned(),
            hash: "a".to_owned(),
        }
    }

    fn due(answer: &str) -> Vec<Try> {
        vec![Try {
            key: key(),
            question: Question::Nothing(Answer::Passed(answer.to_owned())),
            timeout: Duration::from_secs(1),
        }]
    }

    fn answers(tries: &Tries) -> Vec<Answer> {
        tries
            .ended(&owner())
            .into_iter()
            .map(|t| t.answer)
            .collect()
    }

    #[tokio::test]
    async fn a_try_that_has_ended_is_told_and_not_repeated_before_it_was_seen() {
        let (tries, mut changed) = Tries::new(None, Clock::system());
        let open = BTreeSet::from([key()]);
        let first = [Answer::Passed("first".to_owned())];
        tries.begin(&owner(), &open, due("first"), &[]);
        let told = changed.next().await.unwrap();
        assert_eq!(
            (told.namespace.as_deref(), told.name.as_str()),
            (Some("shop"), "orders")
        );
        assert_eq!(answers(&tries), first);

        // It was decided before that was known.
        tries.begin(&owner(), &open, due("again"), &[]);
        assert_eq!(answers(&tries), first);

        let seen = tries.ended(&owner());
        tries.begin(&owner(), &open, due("second"), &seen);
        changed.next().await.unwrap();
        assert_eq!(answers(&tries), [Answer::Passed("second".to_owned())]);

        tries.begin(&owner(), &BTreeSet::new(), Vec::new(), &[]);
        assert_eq!(answers(&tries), [], "none is open");
    }

    #[tokio::test]
    async fn a_try_of_what_is_not_open_any_more_is_cut_off() {
        let (tries, mut changed) = Tries::new(None, Clock::system());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut slow = due("");
        slow[0].question = Question::Http {
            address: listener.local_addr().unwrap().to_string(),
            host: "orders-view-green".to_owned(),
            path: "/".to_owned(),
        };
        slow[0].timeout = Duration::from_hours(1);
        tries.begin(&owner(), &BTreeSet::from([key()]), slow, &[]);
        let (mut asked, _) = listener.accept().await.unwrap();
        tries.forget(&owner());
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut asked, &mut rest)
            .await
            .unwrap();
        assert!(changed.next().now_or_never().is_none());
    }
}
