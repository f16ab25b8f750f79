//! One request to stop, seen by everything that runs.

use std::future::Future;

use tokio::sync::watch;

/// Asks everything that holds a clone of its [`Shutdown`] to stop. Dropping it asks as well, so
/// that nothing outlives the one in charge.
#[derive(Debug)]
pub struct ShutdownTrigger {
    requested: watch::Sender<bool>,
}

impl ShutdownTrigger {
    /// Asks to stop; asking again changes nothing.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }
}

/// Tells when the process has been asked to stop.
#[derive(Clone, Debug)]
pub struct Shutdown {
    requested: watch::Receiver<bool>,
}

impl Shutdown {
    /// A connected pair of the one that asks and the one that is asked.
    #[must_use]
    pub fn channel() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (
            ShutdownTrigger { requested: sender },
            Self {
                requested: receiver,
            },
        )
    }

    /// Whether it has been asked to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow() || self.requested.has_changed().is_err()
    }

    /// Completes once it has been asked to stop.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        let mut requested = self.requested.clone();
        async move {
            // An error means that the trigger is gone, which counts as a request.
            let _ = requested.wait_for(|requested| *requested).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_request_reaches_every_clone() {
        let (trigger, shutdown) = Shutdown::channel();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        assert!(clone.requested().now_or_never().is_none());
        trigger.request();
        clone.requested().await;
        assert!(shutdown.is_requested());
    }

    #[tokio::test]
    async fn a_dropped_trigger_counts_as_a_request() {
        let (trigger, shutdown) = Shutdown::channel();
        drop(trigger);
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }
}
