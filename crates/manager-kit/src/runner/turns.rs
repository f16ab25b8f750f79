//! Who is reconciled next: the one that has waited longest.
//!
//! The library's controller, where it bounds how many run, takes any of those that wait, in the order of a
//! hash table: objects that are triggered again and again go before others that were there first. Of 1,000
//! applications created at once the first had not begun after seven minutes. So it is told of no bound, and
//! every reconcile waits here for its turn.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::metrics::ReconcileMetrics;
use crate::shutdown::Shutdown;

/// A bound on how many reconciles run, in the order in which they came.
pub(super) struct Turns {
    controller: &'static str,
    free: Semaphore,
    shutdown: Shutdown,
    metrics: ReconcileMetrics,
}

impl Turns {
    pub(super) fn new(
        controller: &'static str,
        concurrency: u16,
        shutdown: Shutdown,
        metrics: ReconcileMetrics,
    ) -> Self {
        Self {
            controller,
            free: Semaphore::new(concurrency.into()),
            shutdown,
            metrics,
        }
    }

    /// Waits until all is `prepared` and then for the turn, which lasts until the returned value is dropped; none
    /// when the shutdown comes first.
    pub(super) async fn next(
        &self,
        prepared: impl Future<Output = ()>,
    ) -> Option<SemaphorePermit<'_>> {
        let _waiting = self.metrics.wait(self.controller);
        let turn = async {
            prepared.await;
            // The semaphore serves in order, and is never closed.
            self.free.acquire().await.ok()
        };
        tokio::select! {
            biased;
            () = self.shutdown.requested() => None,
            turn = turn => turn,
        }
    }
}
