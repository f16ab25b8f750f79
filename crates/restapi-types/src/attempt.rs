//! Attempts at running a revision in an environment, as they stand on objects.
//!
//! An attempt has a number that is greater than that of every attempt before, in either environment. A seal says
//! of each environment up to which number nothing may be selected any more: it is raised and never taken off, so
//! that whoever planned to select what is about to be removed finds every stable Service changed.

use std::fmt;

use crate::Environment;

/// The attempt that a workload belongs to, `NUMBER/HASH` in its annotation [`crate::keys::ATTEMPT`]: the hash is
/// that of its revision, whose number changes when an application comes back to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptMark {
    /// Its number.
    pub number: u64,
    /// The revision.
    pub hash: String,
}

impl AttemptMark {
    /// The mark that is written as `text`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, hash) = text.split_once('/')?;
        let hash = hash.to_owned();
        let number = number.parse().ok()?;
        (!hash.is_empty()).then_some(Self { number, hash })
    }
}

impl fmt::Display for AttemptMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.hash)
    }
}

/// What no Service may select any more: in each environment, every attempt up to that number. `blue=3,green=2` in
/// the annotation [`crate::keys::SEALED`] of stable Services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seals {
    /// In blue.
    pub blue: u64,
    /// In green.
    pub green: u64,
}

impl Seals {
    /// That of one environment.
    #[must_use]
    pub const fn of(&self, environment: Environment) -> u64 {
        match environment {
            Environment::Blue => self.blue,
            Environment::Green => self.green,
        }
    }

    /// The same with one environment sealed up to `number`, if it was not further already.
    #[must_use]
    pub fn raised(mut self, environment: Environment, number: u64) -> Self {
        let seal = match environment {
            Environment::Blue => &mut self.blue,
            Environment::Green => &mut self.green,
        };
        *seal = number.max(*seal);
        self
    }

    /// The seals that are written as `text`. What can't be read seals nothing: it is not ours.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut seals = Self::default();
        for part in text.split(',') {
            let Some((environment, number)) = part.split_once('=') else {
                continue;
            };
            if let (Some(environment), Ok(number)) =
                (Environment::parse(environment), number.parse())
            {
                seals = seals.raised(environment, number);
            }
        }
        seals
    }
}

impl fmt::Display for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blue={},green={}", self.blue, self.green)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(number: u64, blue: u64, green: u64, hash in "[0-9a-f]{1,16}") {
            let mark = AttemptMark { number, hash };
            prop_assert_eq!(AttemptMark::parse(&mark.to_string()), Some(mark));
            let seals = Seals { blue, green };
            prop_assert_eq!(Seals::parse(&seals.to_string()), seals);
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_no_mark_and_seals_nothing() {
        for text in ["", "x", "1", "1/", "/a", "-1/a"] {
            assert_eq!(AttemptMark::parse(text), None, "{text}");
        }
        assert_eq!(Seals::parse("red=1,blue=x,green"), Seals::default());
    }

    #[test]
    fn a_seal_is_raised_and_never_lowered() {
        let seals = Seals::default().raised(Environment::Green, 3);
        assert_eq!(seals.raised(Environment::Green, 2), seals);
        assert_eq!((seals.of(Environment::Green), seals.blue), (3, 0));
    }
}
