//! The file-backed store of orders: an append-only log with group commit, an index in memory, a
//! small read cache, and compaction by atomic rename.
//!
//! A change is acknowledged only after it has been written and synced. One thread writes; reads
//! never wait for it. A process killed at any moment finds every acknowledged change again.

mod cache;
mod compact;
mod crc;
mod decide;
mod error;
mod frame;
mod index;
mod log;
mod state;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::order::{Order, OrderId, OrderPage, PricedOrder, Status};

pub use error::{OpenError, StoreError};
use state::{Found, SharedState};
use writer::{Command, Operation, Outcome};

/// Bounds of a store.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most orders that are kept; one more is refused.
    pub max_orders: usize,
    /// Orders held in the read cache.
    pub cached_orders: usize,
    /// Deleted orders that are remembered, so that retries of their deletion succeed.
    pub remembered_deletions: usize,
    /// The log is compacted only when it is larger than this, in bytes, and more than half of it
    /// is out of date.
    pub compact_above: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_orders: 50_000,
            cached_orders: 256,
            remembered_deletions: 1000,
            compact_above: 1024 * 1024,
        }
    }
}

/// How the store is doing, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Orders kept.
    pub orders: usize,
    /// Size of the log, in bytes.
    pub log_bytes: u64,
    /// Reads answered from the cache since the start.
    pub cache_hits: u64,
    /// Reads that went to the file since the start.
    pub cache_misses: u64,
}

/// An order, and whether it had been there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The order.
    pub order: Order,
    /// Whether an earlier request with the same key made it.
    pub replayed: bool,
}

/// A handle on the store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    state: Arc<SharedState>,
    commands: mpsc::Sender<Command>,
    failed: Arc<AtomicBool>,
}

impl Store {
    /// Opens the store in `directory`, making both if they are not there, and recovers what the
    /// log holds: an unfinished last write, as a killed process leaves it, is cut off.
    ///
    /// # Errors
    /// [`OpenError`] when another process has the store open, when the log is damaged before its
    /// end, or when the directory cannot be used.
    pub fn open(directory: &Path, limits: Limits) -> Result<Self, OpenError> {
        let opened = log::open(directory, &limits)?;
        let state = Arc::new(SharedState::new(opened.state));
        let failed = Arc::new(AtomicBool::new(false));
        let (commands, queue) = mpsc::channel(256);
        let writer = writer::Writer::new(opened.log, Arc::clone(&state), limits, failed.clone());
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|source| OpenError::Io {
                what: "start the writing thread for",
                path: directory.to_owned(),
                source,
            })?;
        Ok(Self {
            state,
            commands,
            failed,
        })
    }

    /// Whether writes still work. After a failed sync nobody knows what is on disk: only a
    /// restart, which reads the log again, helps.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }

    /// The store's figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.state.lock().figures()
    }

    /// Stores a new order, once per `key`: the same key again returns the order made first.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key belongs to another request, `KeyDeleted` when its
    /// order was deleted, `Full` at the limit.
    pub async fn create(&self, key: String, priced: PricedOrder) -> Result<Created, StoreError> {
        match self.write(Operation::Create { key, priced }).await? {
            Outcome::Stored { order, replayed } => Ok(Created { order, replayed }),
            Outcome::Removed => Err(StoreError::Stopped),
        }
    }

    /// Sets an order's status, if the order is still at `expected` revision, or already is what
    /// this change makes of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or `Conflict` when the order has moved on.
    pub async fn set_status(
        &self,
        id: OrderId,
        expected: u64,
        status: Status,
    ) -> Result<Order, StoreError> {
        match self
            .write(Operation::SetStatus {
                id,
                expected,
                status,
            })
            .await?
        {
            Outcome::Stored { order, .. } => Ok(order),
            Outcome::Removed => Err(StoreError::Stopped),
        }
    }

    /// Deletes an order, if it is still at `expected` revision. An order that was deleted before
    /// counts as deleted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there never was such an order, `Conflict` when it has moved
    /// on.
    pub async fn remove(&self, id: OrderId, expected: u64) -> Result<(), StoreError> {
        self.write(Operation::Remove { id, expected })
            .await
            .map(|_| ())
    }

    /// Whether the order was deleted, as far as deletions are remembered.
    #[must_use]
    pub fn was_removed(&self, id: OrderId) -> bool {
        self.state.lock().index.is_removed(id)
    }

    /// The order of that id, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the file cannot be read.
    pub async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        match self.state.lookup(id) {
            None => Ok(None),
            Some(Found::Cached(order)) => Ok(Some(*order)),
            Some(Found::InFile(file, location)) => {
                self.state.read_through(id, file, location).await.map(Some)
            }
        }
    }

    /// A page of at most `limit` orders older than `before` (or the newest), newest first.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the file cannot be read.
    pub async fn page(
        &self,
        limit: usize,
        before: Option<OrderId>,
    ) -> Result<OrderPage, StoreError> {
        let state = Arc::clone(&self.state);
        tokio::task::spawn_blocking(move || state.read_page(limit, before))
            .await
            .map_err(|_| StoreError::Stopped)?
    }

    /// Ends the writing thread after the changes already under way, and releases the directory.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close(done)).await.is_ok() {
            // An error means that the writer is gone already, which is what was asked for.
            let _ = closed.await;
        }
    }

    async fn write(&self, operation: Operation) -> Result<Outcome, StoreError> {
        let (reply, outcome) = oneshot::channel();
        self.commands
            .send(Command::Write(operation, reply))
            .await
            .map_err(|_| StoreError::Stopped)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }
}

#[cfg(test)]
mod tests;
