//! Flow control: how many requests are worked on at once, and how many may wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Too many requests are waiting already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overloaded;

/// Lets a bounded number of requests run and a bounded number wait; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FlowControl {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl FlowControl {
    pub(crate) fn new(max_in_flight: u32, max_queued: u32) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Self {
            running: semaphore(max_in_flight),
            waiting: semaphore(max_queued),
        }
    }

    /// Waits for a place, which is given back when the permit is dropped; refuses at once when
    /// nobody more may wait.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Overloaded> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.waiting.try_acquire().map_err(|_| Overloaded)?;
        Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Overloaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn some_run_some_wait_and_the_rest_is_refused() {
        let flow = FlowControl::new(1, 1);
        let running = flow.enter().await.unwrap();
        let waiting = tokio::spawn({
            let flow = flow.clone();
            async move { flow.enter().await }
        });
        while flow.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(flow.enter().await.unwrap_err(), Overloaded);
        drop(running);
        let promoted = waiting.await.unwrap().unwrap();
        assert_eq!(flow.waiting.available_permits(), 1);
        drop(promoted);
        assert!(flow.enter().await.is_ok());
    }
}
