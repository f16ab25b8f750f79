//! CPU burn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Threads that compute for nothing until their time is over or until dropped.
#[derive(Debug)]
pub(super) struct Burn(Arc<AtomicBool>);

impl Burn {
    /// Starts `threads` threads for `time`. Threads that the system refuses are left out.
    pub(super) fn start(threads: u32, time: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let end = Instant::now() + time;
        for number in 0..threads {
            let stop = Arc::clone(&stop);
            let started = std::thread::Builder::new()
                .name(format!("burn-{number}"))
                .spawn(move || burn(&stop, end));
            if let Err(error) = started {
                tracing::warn!(%error, "a thread to burn CPU could not be started");
            }
        }
        Self(stop)
    }
}

impl Drop for Burn {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn burn(stop: &AtomicBool, end: Instant) {
    let mut number = 1_u64;
    while !stop.load(Ordering::Relaxed) && Instant::now() < end {
        for _ in 0..100_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
        }
    }
}
