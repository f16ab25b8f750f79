//! Delays between tries: ever longer, and spread in time, so that many retries do not come at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A random duration from half of `full` to all of it.
///
/// The randomness is that of the standard library's hash keys: good enough to spread, no more.
#[must_use]
pub fn jitter(full: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8);
    let fraction = f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX);
    full.mul_f64(0.5 + 0.5 * fraction)
}

/// How long to wait after so many failures in a row: `first`, doubled with each further one, `longest` at most.
#[must_use]
pub fn backoff(first: Duration, longest: Duration, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_spreads_over_the_upper_half() {
        let full = Duration::from_secs(10);
        let drawn: Vec<Duration> = (0..200).map(|_| jitter(full)).collect();
        assert!(drawn.iter().all(|d| (full / 2..=full).contains(d)));
        assert!(drawn.iter().any(|d| *d < full * 6 / 10));
        assert!(drawn.iter().any(|d| *d > full * 9 / 10));
    }
}
