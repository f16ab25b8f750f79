//! What can go wrong in the store.

use std::io;
use std::path::PathBuf;

use crate::order::OrderId;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the store's lock.
    #[error(
        "{path} is in use by another process; give each repository a --data-dir of its own",
        path = .0.display()
    )]
    Locked(PathBuf),
    /// The log is damaged before its end, which no killed process can cause.
    #[error(
        "{path} is damaged at byte {offset}: {what}; restore it from a backup, or move it away \
         to start empty",
        path = .path.display()
    )]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Where the damaged part starts.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The file system refused.
    #[error("could not {what} {path}: {source}; check --data-dir, its owner and free space",
        path = .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why the store refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such order.
    #[error("there is no order {0}")]
    NotFound(OrderId),
    /// The order has been changed since it was read.
    #[error("order {id} is at revision {actual}, not {expected}; read it again and repeat")]
    Conflict {
        /// The order.
        id: OrderId,
        /// The revision that the change starts from.
        expected: u64,
        /// The order's revision.
        actual: u64,
    },
    /// The idempotency key belongs to another request.
    #[error("this Idempotency-Key was used for another order; send a new key for a new order")]
    KeyReused,
    /// The order made with this idempotency key was deleted.
    #[error("the order made with this Idempotency-Key was deleted; send a new key to order again")]
    KeyDeleted,
    /// The store holds as many orders as it may.
    #[error("the store is full ({0} orders); delete orders, or raise --max-orders")]
    Full(usize),
    /// The file could not be read.
    #[error("the store could not be read: {0}")]
    Read(String),
    /// The change could not be written; nothing was changed.
    #[error("the change could not be stored: {0}; nothing was changed")]
    Write(String),
    /// A sync failed earlier: the store takes no writes until a restart.
    #[error("the store takes no changes since a failed write to disk; it needs a restart")]
    Failed,
    /// The store is being closed.
    #[error("the store is being closed")]
    Stopped,
}
