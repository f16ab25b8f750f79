//! How often each object has failed in a row.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::random;

/// The delay after the first failure, doubled with each further one.
const FIRST: Duration = Duration::from_millis(200);
/// The longest delay.
const LONGEST: Duration = Duration::from_mins(1);

/// An object's namespace and name.
pub(super) type Key = (Option<String>, String);

/// Failures in a row, by object. Objects that have not failed take no memory.
#[derive(Debug, Default)]
pub(super) struct Failures {
    by_object: Mutex<HashMap<Key, u32>>,
}

impl Failures {
    /// Counts a failure; returns how many there are now and how long to wait.
    pub(super) fn failed(&self, key: &Key) -> (u32, Duration) {
        let mut by_object = self.lock();
        let count = by_object.entry(key.clone()).or_insert(0);
        *count = count.saturating_add(1);
        (*count, random::jitter(full_delay(*count)))
    }

    /// Starts again at the shortest delay: the object was reconciled, or does not exist any more.
    pub(super) fn reset(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, u32>> {
        self.by_object
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn full_delay(failures: u32) -> Duration {
    random::backoff(FIRST, LONGEST, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_minute() {
        let delays: Vec<_> = (1..=11).map(|n| full_delay(n).as_millis()).collect();
        assert_eq!(
            delays,
            [
                200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000
            ]
        );
        assert_eq!(full_delay(u32::MAX), LONGEST);
    }

    #[test]
    fn each_object_has_its_own_count_and_success_resets_it() {
        let failures = Failures::default();
        let (a, b) = (
            (None, "a".to_owned()),
            (Some("n".to_owned()), "a".to_owned()),
        );
        assert_eq!(failures.failed(&a).0, 1);
        assert_eq!(failures.failed(&a).0, 2);
        assert_eq!(failures.failed(&b).0, 1);
        failures.reset(&a);
        assert_eq!(failures.failed(&a).0, 1);
        assert_eq!(failures.failed(&b).0, 2);
        failures.reset(&a);
        failures.reset(&b);
        assert!(
            failures.lock().is_empty(),
            "nothing is kept of objects that are well"
        );
    }
}
