//! The present, and when time alone will change something.

use jiff::Timestamp;

/// The present, and the points in time that it was compared with and that are still to come.
pub(super) struct Clock {
    /// The present.
    pub(super) now: Timestamp,
    /// What is still to come.
    pub(super) turns: Vec<Timestamp>,
}

impl Clock {
    /// That of a moment.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            now,
            turns: Vec::new(),
        }
    }

    /// Whether that point in time has come; if not, it is one to look again at.
    pub(super) fn is_over(&mut self, time: Timestamp) -> bool {
        let is_over = time <= self.now;
        if !is_over {
            self.turns.push(time);
        }
        is_over
    }
}
