//! What a requested change means, given what the store holds.

use std::fs::File;

use jiff::Timestamp;

use super::StoreError;
use super::frame::Entry;
use super::index::{Index, KeyUse, Slot};
use super::state::{read_entry, read_order};
use super::writer::{Operation, Outcome};
use crate::order::{Order, OrderId, PricedOrder, Status};

/// What is to be done for one operation.
#[derive(Debug)]
pub(super) enum Decision {
    /// Write this, then answer.
    Append(Entry, Outcome),
    /// Answer at once: nothing changes.
    Answer(Outcome),
}

/// Decides on one operation; reads from the log what it needs.
pub(super) fn decide(
    operation: &Operation,
    index: &Index,
    file: &File,
    max_orders: usize,
) -> Result<Decision, StoreError> {
    match operation {
        Operation::Create { key, priced } => create(key, priced, index, file, max_orders),
        Operation::SetStatus {
            id,
            expected,
            status,
        } => set_status(*id, *expected, *status, index, file),
        Operation::Remove { id, expected } => remove(*id, *expected, index, file),
    }
}

fn create(
    key: &str,
    priced: &PricedOrder,
    index: &Index,
    file: &File,
    max_orders: usize,
) -> Result<Decision, StoreError> {
    match index.key_use(key) {
        Some(KeyUse::Removed) => return Err(StoreError::KeyDeleted),
        Some(KeyUse::Order(_, slot)) => {
            let order = read_order(file, slot.location)?;
            if !order.was_made_from(priced) {
                return Err(StoreError::KeyReused);
            }
            return Ok(Decision::Answer(Outcome::Stored {
                order,
                replayed: true,
            }));
        }
        None => {}
    }
    if index.len() >= max_orders {
        return Err(StoreError::Full(max_orders));
    }
    let order = Order::first(unused_id(index), priced.clone(), Timestamp::now());
    let entry = Entry::Put {
        key: key.to_owned(),
        order: order.clone(),
    };
    Ok(Decision::Append(
        entry,
        Outcome::Stored {
            order,
            replayed: false,
        },
    ))
}

fn unused_id(index: &Index) -> OrderId {
    loop {
        let id = OrderId::new(Timestamp::now());
        if index.slot(id).is_none() && !index.is_removed(id) {
            return id;
        }
    }
}

fn set_status(
    id: OrderId,
    expected: u64,
    status: Status,
    index: &Index,
    file: &File,
) -> Result<Decision, StoreError> {
    let slot = index.slot(id).ok_or(StoreError::NotFound(id))?;
    let Entry::Put { key, mut order } = read_entry(file, slot.location)? else {
        return Err(StoreError::NotFound(id));
    };
    if slot.revision == expected + 1 && order.status == status {
        // A retry of the change that made this revision.
        return Ok(Decision::Answer(Outcome::Stored {
            order,
            replayed: true,
        }));
    }
    check_revision(id, slot, expected)?;
    order.status = status;
    order.revision += 1;
    let entry = Entry::Put {
        key,
        order: order.clone(),
    };
    Ok(Decision::Append(
        entry,
        Outcome::Stored {
            order,
            replayed: false,
        },
    ))
}

fn remove(id: OrderId, expected: u64, index: &Index, file: &File) -> Result<Decision, StoreError> {
    let Some(slot) = index.slot(id) else {
        return if index.is_removed(id) {
            Ok(Decision::Answer(Outcome::Removed))
        } else {
            Err(StoreError::NotFound(id))
        };
    };
    check_revision(id, slot, expected)?;
    let Entry::Put { key, .. } = read_entry(file, slot.location)? else {
        return Err(StoreError::NotFound(id));
    };
    Ok(Decision::Append(Entry::Del { key, id }, Outcome::Removed))
}

fn check_revision(id: OrderId, slot: Slot, expected: u64) -> Result<(), StoreError> {
    if slot.revision == expected {
        Ok(())
    } else {
        Err(StoreError::Conflict {
            id,
            expected,
            actual: slot.revision,
        })
    }
}
