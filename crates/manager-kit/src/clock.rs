//! Time as the managers see it, so that tests can jump it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Wall-clock and monotonic time: the system's, or one that a test moves.
///
/// Everything that decides by time takes it from here. Leases do not: they measure real elapsed
/// time, and a jump in a test must not end one.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    manual: Option<Arc<Mutex<Manual>>>,
}

#[derive(Debug)]
struct Manual {
    now: Timestamp,
    monotonic: Instant,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it; clones share it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        let manual = Manual {
            now: start,
            monotonic: Instant::now(),
        };
        Self {
            manual: Some(Arc::new(Mutex::new(manual))),
        }
    }

    /// The time of day, UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.read(|manual| manual.now)
            .unwrap_or_else(Timestamp::now)
    }

    /// A point in time that only moves forward, to measure what has elapsed.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        self.read(|manual| manual.monotonic)
            .unwrap_or_else(Instant::now)
    }

    /// Moves a manual clock forward by `by`; at the end of the representable range it stays there.
    /// The system's clock cannot be moved: for it, this does nothing.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.manual {
            let mut manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
            manual.now = manual.now.saturating_add(by).unwrap_or(Timestamp::MAX);
            manual.monotonic += by;
        }
    }

    fn read<T>(&self, get: impl FnOnce(&Manual) -> T) -> Option<T> {
        let manual = self.manual.as_ref()?;
        Some(get(&manual.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told_and_clones_share_it() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let other = clock.clone();
        let before = clock.monotonic();
        assert_eq!(other.now(), Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_hours(1));
        assert_eq!(other.now(), Timestamp::from_second(3600).unwrap());
        assert_eq!(other.monotonic() - before, Duration::from_hours(1));
    }

    #[test]
    fn the_system_clock_cannot_be_moved() {
        let clock = Clock::system();
        let before = clock.now();
        clock.advance(Duration::from_hours(1));
        assert!(clock.now() < before + Duration::from_mins(30));
    }
}
