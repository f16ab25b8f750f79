//! Memory growth.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

const MIB: usize = 1024 * 1024;

type Blocks = Arc<Mutex<Vec<Vec<u8>>>>;

/// Takes memory until dropped; then all of it is given back.
#[derive(Debug)]
pub(super) struct Leak {
    blocks: Blocks,
    growth: AbortHandle,
}

impl Leak {
    /// Starts to take `mib_per_second`, up to `max_mib`.
    pub(super) fn start(mib_per_second: u64, max_mib: u64) -> Self {
        let blocks = Blocks::default();
        let growth = tokio::spawn(grow(Arc::clone(&blocks), mib_per_second, max_mib));
        Self {
            blocks,
            growth: growth.abort_handle(),
        }
    }

    /// Memory held, in MiB.
    pub(super) fn mib(&self) -> u64 {
        self.blocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len() as u64
    }
}

impl Drop for Leak {
    fn drop(&mut self) {
        self.growth.abort();
        self.blocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

async fn grow(blocks: Blocks, mib_per_second: u64, max_mib: u64) {
    let step = Duration::from_secs(1) / u32::try_from(mib_per_second.max(1)).unwrap_or(u32::MAX);
    let mut ticks = tokio::time::interval(step);
    for _ in 0..max_mib {
        ticks.tick().await;
        // Not zero: untouched zero pages would take no memory.
        let block = vec![1; MIB];
        blocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(block);
    }
}
