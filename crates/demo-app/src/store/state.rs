//! What readers and the writer share: the open log, the index and the cache.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::Cache;
use super::frame::{Entry, Location};
use super::index::Index;
use super::{Figures, StoreError};
use crate::order::{Order, OrderId, OrderPage};

/// The store as readers see it: only what has been synced.
#[derive(Debug)]
pub(super) struct State {
    /// The log that `index` points into; replaced together with it by a compaction.
    pub(super) file: Arc<File>,
    pub(super) length: u64,
    pub(super) index: Index,
    pub(super) cache: Cache,
}

impl State {
    pub(super) fn figures(&self) -> Figures {
        Figures {
            orders: self.index.len(),
            log_bytes: self.length,
            cache_hits: self.cache.hits,
            cache_misses: self.cache.misses,
        }
    }
}

/// The shared state; its lock is held for moments only, never while writing or syncing.
#[derive(Debug)]
pub(super) struct SharedState(Mutex<State>);

/// Where an order was found.
#[derive(Debug)]
pub(super) enum Found {
    Cached(Box<Order>),
    InFile(Arc<File>, Location),
}

impl SharedState {
    pub(super) fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding the lock; were it so, the state would still be whole,
        // because it changes by single assignments.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds an order in the cache or in the index.
    pub(super) fn lookup(&self, id: OrderId) -> Option<Found> {
        let mut state = self.lock();
        let slot = state.index.slot(id)?;
        Some(match state.cache.get(id) {
            Some(order) => Found::Cached(Box::new(order)),
            None => Found::InFile(Arc::clone(&state.file), slot.location),
        })
    }

    /// Reads an order from the file and remembers it, unless it has changed meanwhile.
    pub(super) async fn read_through(
        self: &Arc<Self>,
        id: OrderId,
        file: Arc<File>,
        location: Location,
    ) -> Result<Order, StoreError> {
        let shared = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let order = read_order(&file, location)?;
            let mut state = shared.lock();
            let current = Arc::ptr_eq(&state.file, &file)
                && state
                    .index
                    .slot(id)
                    .is_some_and(|slot| slot.location == location);
            if current {
                state.cache.put(order.clone());
            }
            Ok(order)
        });
        read.await.map_err(|_| StoreError::Stopped)?
    }

    /// Reads a page; blocks on the file.
    pub(super) fn read_page(
        &self,
        limit: usize,
        before: Option<OrderId>,
    ) -> Result<OrderPage, StoreError> {
        let (file, total, mut found) = {
            let state = self.lock();
            let found: Vec<_> = state
                .index
                .newest(before)
                .take(limit.saturating_add(1))
                .collect();
            (Arc::clone(&state.file), state.index.len(), found)
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let orders = found
            .iter()
            .map(|(_, slot)| read_order(&file, slot.location))
            .collect::<Result<Vec<_>, _>>()?;
        let next = more.then(|| found.last().map(|(id, _)| *id)).flatten();
        Ok(OrderPage {
            orders,
            total: total as u64,
            next,
        })
    }
}

/// Reads the entry at a place in the log; blocks on the file.
pub(super) fn read_entry(file: &File, location: Location) -> Result<Entry, StoreError> {
    let mut line = vec![0; location.length as usize];
    file.read_exact_at(&mut line, location.offset)
        .map_err(|error| StoreError::Read(error.to_string()))?;
    serde_json::from_slice(&line).map_err(|error| StoreError::Read(error.to_string()))
}

/// Reads the order at a place in the log; blocks on the file.
pub(super) fn read_order(file: &File, location: Location) -> Result<Order, StoreError> {
    match read_entry(file, location)? {
        Entry::Put { order, .. } => Ok(order),
        Entry::Del { id, .. } => Err(StoreError::Read(format!(
            "a deletion lies where order {id} should"
        ))),
    }
}
