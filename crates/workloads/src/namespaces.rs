//! Namespaces that are being deleted.
//!
//! Every object that goes with its namespace looks like one to be made again, and every attempt is refused:
//! a storm of writes in vain. So a namespace that refused once is left alone for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a namespace is left alone after it refused a write.
pub const PAUSE: Duration = Duration::from_secs(5);

/// The namespaces that refused a write because they are being deleted, and when.
#[derive(Debug, Default)]
pub struct Going {
    refused: Mutex<HashMap<String, Instant>>,
}

impl Going {
    /// `namespace` refused a write at `now`.
    pub fn note(&self, namespace: &str, now: Instant) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, at| now.saturating_duration_since(*at) < PAUSE);
        refused.insert(namespace.to_owned(), now);
    }

    /// How much longer `namespace` is left alone at `now`.
    #[must_use]
    pub fn pause(&self, namespace: &str, now: Instant) -> Option<Duration> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let left = PAUSE.saturating_sub(now.saturating_duration_since(*refused.get(namespace)?));
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_refused_is_left_alone_for_a_while_and_no_other_is() {
        let (going, now) = (Going::default(), Instant::now());
        going.note("shop", now);
        assert_eq!(going.pause("shop", now), Some(PAUSE));
        assert_eq!(going.pause("other", now), None);
        assert_eq!(going.pause("shop", now + PAUSE), None);
    }
}
