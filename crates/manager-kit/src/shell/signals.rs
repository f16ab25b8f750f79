//! SIGTERM and SIGINT.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::error::KitError;

/// Counts the signals that arrive.
#[derive(Debug)]
pub(super) struct Signals {
    seen: watch::Receiver<(u32, &'static str)>,
    _task: tokio::task::JoinHandle<()>,
}

impl Signals {
    /// Takes over SIGTERM and SIGINT. From here on they do not end the process by themselves.
    ///
    /// # Errors
    /// [`KitError::Signals`] when the system refuses.
    pub(super) fn install() -> Result<Self, KitError> {
        let terminate = signal(SignalKind::terminate()).map_err(KitError::Signals)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(KitError::Signals)?;
        let (sender, seen) = watch::channel((0, ""));
        Ok(Self {
            seen,
            _task: tokio::spawn(count(terminate, interrupt, sender)),
        })
    }

    /// The name of the first signal, once it arrives.
    pub(super) async fn first(&self) -> &'static str {
        self.at_least(1).await
    }

    /// The name of the second signal, once it arrives.
    pub(super) async fn again(&self) -> &'static str {
        self.at_least(2).await
    }

    async fn at_least(&self, wanted: u32) -> &'static str {
        let mut seen = self.seen.clone();
        match seen.wait_for(|(count, _)| *count >= wanted).await {
            Ok(seen) => seen.1,
            // The counting task never ends.
            Err(_) => std::future::pending().await,
        }
    }
}

async fn count(
    mut terminate: Signal,
    mut interrupt: Signal,
    seen: watch::Sender<(u32, &'static str)>,
) {
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        seen.send_modify(|seen| *seen = (seen.0.saturating_add(1), name));
    }
}
