//! The writing thread: takes changes from a queue and commits those that wait together with one
//! write and one sync.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::compact;
use super::decide::{Decision, decide};
use super::frame::{self, Entry, Location};
use super::log::{ChangeError, Log};
use super::state::SharedState;
use super::{Limits, StoreError};
use crate::order::{Order, OrderId, PricedOrder, Status};

/// Most changes that are committed together.
const MAX_BATCH: usize = 128;

/// A change that is asked for.
#[derive(Debug)]
pub(super) enum Operation {
    Create {
        key: String,
        priced: PricedOrder,
    },
    SetStatus {
        id: OrderId,
        expected: u64,
        status: Status,
    },
    Remove {
        id: OrderId,
        expected: u64,
    },
}

/// What a change came to.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Stored { order: Order, replayed: bool },
    Removed,
}

type Answer = oneshot::Sender<Result<Outcome, StoreError>>;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Command {
    Write(Operation, Answer),
    Close(oneshot::Sender<()>),
}

/// What an operation touches: two that touch the same are not decided in one batch, because the
/// second must see what the first did.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Touch {
    Key(String),
    Order(OrderId),
}

impl Operation {
    fn touches(&self) -> Touch {
        match self {
            Self::Create { key, .. } => Touch::Key(key.clone()),
            Self::SetStatus { id, .. } | Self::Remove { id, .. } => Touch::Order(*id),
        }
    }
}

/// Changes that are written together.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    answers: Vec<(Answer, Outcome)>,
}

/// The thread's own things.
#[derive(Debug)]
pub(super) struct Writer {
    log: Log,
    shared: Arc<SharedState>,
    limits: Limits,
    failed: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn new(
        log: Log,
        shared: Arc<SharedState>,
        limits: Limits,
        failed: Arc<AtomicBool>,
    ) -> Self {
        Self {
            log,
            shared,
            limits,
            failed,
        }
    }

    /// Works until told to close or until nobody can ask any more.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match queue.blocking_recv() {
                    Some(command) => waiting.push_back(command),
                    None => return,
                }
            }
            while waiting.len() < MAX_BATCH {
                match queue.try_recv() {
                    Ok(command) => waiting.push_back(command),
                    Err(_) => break,
                }
            }
            if let Some(closed) = self.work_on(&mut waiting) {
                drop(self);
                // Nobody waiting for the end is no error.
                let _ = closed.send(());
                return;
            }
        }
    }

    /// Commits as many of the waiting commands as go together; returns whom to tell when one of
    /// them was to close.
    fn work_on(&mut self, waiting: &mut VecDeque<Command>) -> Option<oneshot::Sender<()>> {
        let mut touched = HashSet::new();
        let mut batch = Batch::default();
        let mut closed = None;
        while let Some(command) = waiting.pop_front() {
            match command {
                Command::Write(operation, answer) => {
                    if !touched.insert(operation.touches()) {
                        waiting.push_front(Command::Write(operation, answer));
                        break;
                    }
                    self.decide_one(&operation, answer, &mut batch);
                }
                Command::Close(sender) => {
                    closed = Some(sender);
                    break;
                }
            }
        }
        self.commit(batch);
        closed
    }

    fn decide_one(&self, operation: &Operation, answer: Answer, batch: &mut Batch) {
        if self.failed.load(Ordering::Relaxed) {
            return tell(answer, Err(StoreError::Failed));
        }
        // Creations already in this batch count towards the limit.
        let room = self.limits.max_orders.saturating_sub(batch.entries.len());
        let decision = decide(operation, &self.shared.lock().index, &self.log.file, room);
        match decision {
            Ok(Decision::Append(entry, outcome)) => {
                batch.entries.push(entry);
                batch.answers.push((answer, outcome));
            }
            Ok(Decision::Answer(outcome)) => tell(answer, Ok(outcome)),
            Err(StoreError::Full(_)) => tell(answer, Err(StoreError::Full(self.limits.max_orders))),
            Err(error) => tell(answer, Err(error)),
        }
    }

    fn commit(&mut self, batch: Batch) {
        if batch.entries.is_empty() {
            return;
        }
        match self.append(&batch.entries) {
            Ok(locations) => {
                self.publish(&batch.entries, &locations);
                for (answer, outcome) in batch.answers {
                    tell(answer, Ok(outcome));
                }
                self.compact_if_due();
            }
            Err(error) => {
                for (answer, _) in batch.answers {
                    tell(answer, Err(error.clone()));
                }
            }
        }
    }

    fn append(&mut self, entries: &[Entry]) -> Result<Vec<Location>, StoreError> {
        let frame = frame::encode(entries, self.log.length)
            .map_err(|error| StoreError::Write(error.to_string()))?;
        match self.log.append(&frame.bytes) {
            Ok(()) => Ok(frame.locations),
            Err(ChangeError::Undone(error)) => {
                tracing::error!(%error, "a change could not be stored");
                Err(StoreError::Write(error.to_string()))
            }
            Err(ChangeError::Unknown(error)) => {
                self.fail(&error);
                Err(StoreError::Failed)
            }
        }
    }

    fn fail(&self, error: &io::Error) {
        tracing::error!(%error, "the store takes no more changes; restart the pod");
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Lets readers see what has been synced.
    fn publish(&self, entries: &[Entry], locations: &[Location]) {
        let mut state = self.shared.lock();
        for (entry, location) in entries.iter().zip(locations) {
            state.index.apply(entry, *location);
            match entry {
                Entry::Put { order, .. } => state.cache.put(order.clone()),
                Entry::Del { id, .. } => state.cache.forget(*id),
            }
        }
        state.length = self.log.length;
    }

    fn compact_if_due(&mut self) {
        let live_bytes = self.shared.lock().index.live_bytes();
        if !compact::is_due(self.log.length, live_bytes, &self.limits) {
            return;
        }
        let before = self.log.length;
        match compact::compact(&mut self.log, &self.shared, &self.limits) {
            Ok(()) => tracing::info!(before, after = self.log.length, "compacted the log"),
            // The old log is whole and stays in use.
            Err(ChangeError::Undone(error)) => {
                tracing::warn!(%error, "the log could not be compacted");
            }
            Err(ChangeError::Unknown(error)) => self.fail(&error),
        }
    }
}

fn tell(answer: Answer, outcome: Result<Outcome, StoreError>) {
    // A client that has gone away needs no answer.
    let _ = answer.send(outcome);
}
