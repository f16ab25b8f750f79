//! The index: which orders there are and where the log holds them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::frame::{Entry, Location};
use crate::order::OrderId;

/// An order that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) location: Location,
    pub(super) revision: u64,
}

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyUse {
    /// An order that is there.
    Order(OrderId, Slot),
    /// An order that was deleted.
    Removed,
}

/// Orders by id, ids by idempotency key, and the deletions that are remembered.
#[derive(Debug)]
pub(super) struct Index {
    orders: BTreeMap<OrderId, Slot>,
    keys: HashMap<String, OrderId>,
    removed: VecDeque<(OrderId, String)>,
    remembered: usize,
    live_bytes: u64,
}

impl Index {
    pub(super) fn new(remembered_deletions: usize) -> Self {
        Self {
            orders: BTreeMap::new(),
            keys: HashMap::new(),
            removed: VecDeque::new(),
            remembered: remembered_deletions,
            live_bytes: 0,
        }
    }

    /// Takes in one entry that lies at `location`.
    pub(super) fn apply(&mut self, entry: &Entry, location: Location) {
        match entry {
            Entry::Put { key, order } => {
                let slot = Slot {
                    location,
                    revision: order.revision,
                };
                if let Some(old) = self.orders.insert(order.id, slot) {
                    self.live_bytes -= u64::from(old.location.length);
                } else {
                    self.keys.insert(key.clone(), order.id);
                }
                self.live_bytes += u64::from(location.length);
            }
            Entry::Del { key, id } => {
                if let Some(old) = self.orders.remove(id) {
                    self.live_bytes -= u64::from(old.location.length);
                }
                self.keys.insert(key.clone(), *id);
                self.removed.push_back((*id, key.clone()));
                self.forget_old_deletions();
            }
        }
    }

    fn forget_old_deletions(&mut self) {
        while self.removed.len() > self.remembered {
            if let Some((_, key)) = self.removed.pop_front() {
                self.keys.remove(&key);
            }
        }
    }

    pub(super) fn slot(&self, id: OrderId) -> Option<Slot> {
        self.orders.get(&id).copied()
    }

    pub(super) fn key_use(&self, key: &str) -> Option<KeyUse> {
        let id = *self.keys.get(key)?;
        Some(
            self.slot(id)
                .map_or(KeyUse::Removed, |slot| KeyUse::Order(id, slot)),
        )
    }

    pub(super) fn is_removed(&self, id: OrderId) -> bool {
        self.removed.iter().any(|(removed, _)| *removed == id)
    }

    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    /// Bytes of the log that still count.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Orders older than `before`, newest first.
    pub(super) fn newest(
        &self,
        before: Option<OrderId>,
    ) -> impl Iterator<Item = (OrderId, Slot)> + '_ {
        let end = before.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.orders
            .range((std::ops::Bound::Unbounded, end))
            .rev()
            .map(|(id, slot)| (*id, *slot))
    }

    /// Every order's place, oldest first.
    pub(super) fn locations(&self) -> impl Iterator<Item = Location> + '_ {
        self.orders.values().map(|slot| slot.location)
    }

    /// The deletions that are remembered, oldest first.
    pub(super) fn deletions(&self) -> impl Iterator<Item = Entry> + '_ {
        self.removed.iter().map(|(id, key)| Entry::Del {
            key: key.clone(),
            id: *id,
        })
    }
}
