//! That a revision was given up, as it stands on its record: `SERVING OWN WHY` in [`crate::keys::ABORTED`].

use std::fmt;

use kube::ResourceExt;

use crate::keys;

/// That a revision was given up in favour of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// The number of the revision that is served instead.
    pub serving: i64,
    /// The number that the revision had when it was given up.
    pub own: i64,
    /// Why, in words.
    pub why: String,
}

impl Aborted {
    /// What the record of a revision says that has that number now, if it still holds: coming back to a revision
    /// gives it another one.
    #[must_use]
    pub fn of(record: &impl ResourceExt, number: i64) -> Option<Self> {
        let aborted = Self::parse(record.annotations().get(keys::ABORTED)?)?;
        (aborted.own == number).then_some(aborted)
    }

    /// What is written as `text`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        Some(Self {
            serving: words.next()?.parse().ok()?,
            own: words.next()?.parse().ok()?,
            why: words.next().unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.serving, self.own, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let aborted = Aborted {
            serving: 3,
            own: 7,
            why: "it was not ready in time".to_owned(),
        };
        assert_eq!(Aborted::parse(&aborted.to_string()), Some(aborted));
        assert_eq!(Aborted::parse("three 7 why"), None);
    }
}
