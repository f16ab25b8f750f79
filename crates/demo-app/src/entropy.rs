//! Random numbers for identifiers: unpredictable enough not to collide, not for secrets.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random 64-bit number, never zero (zero means "invalid" in trace contexts).
pub(crate) fn random_u64() -> u64 {
    // Every `RandomState` holds keys of its own, seeded by the operating system.
    RandomState::new().build_hasher().finish().max(1)
}

/// A random 128-bit number, never zero.
pub(crate) fn random_u128() -> u128 {
    (u128::from(random_u64()) << 64) | u128::from(random_u64())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_do_not_repeat() {
        let drawn: HashSet<u128> = (0..10_000).map(|_| random_u128()).collect();
        assert_eq!(drawn.len(), 10_000);
    }
}
