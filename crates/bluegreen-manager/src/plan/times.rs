//! Points in time that decisions hang on: read off objects and off marks that were written before acting.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use restapi_types::{Environment, keys, rollout};

use super::situation::{Attempt, Runs};
use super::view::{SideView, View};

/// When the stable Services were moved to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// The number of the attempt.
    pub attempt: u64,
    /// When that began.
    pub began: Timestamp,
    /// When all endpoints were its, once they were.
    pub converged: Option<Timestamp>,
}

impl Switched {
    /// What a record says of any attempt, the last one that is recorded there.
    #[must_use]
    pub fn of(record: &impl ResourceExt) -> Option<Self> {
        Self::parse(record.annotations().get(keys::SWITCHED)?)
    }

    /// What the mark says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        Some(Self {
            attempt: words.next()?.parse().ok()?,
            began: words.next()?.parse().ok()?,
            converged: words.next().and_then(|word| word.parse().ok()),
        })
    }

    /// Whether there was nothing to be moved: the stable Services were made for it.
    #[must_use]
    pub fn moved_nothing(&self) -> bool {
        self.converged == Some(self.began)
    }

    /// As it stands in the mark.
    #[must_use]
    pub fn text(&self) -> String {
        match self.converged {
            Some(converged) => format!("{} {} {converged}", self.attempt, self.began),
            None => format!("{} {}", self.attempt, self.began),
        }
    }
}

/// The times of one environment's attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was started, or tried again.
    pub started: Option<Timestamp>,
    /// Since when all its components are available, while they are.
    pub available: Option<Timestamp>,
    /// When the stable Services were moved to it.
    pub switched: Option<Switched>,
}

impl Times {
    /// Those of what the environment runs.
    #[must_use]
    pub fn of(view: &View<'_>, environment: Environment) -> Self {
        let side = view.side(environment);
        let Some(attempt) = side.runs.attempt() else {
            return Self::default();
        };
        Self {
            started: started(view, side, attempt),
            available: available_since(side),
            switched: switched(view, attempt),
        }
    }

    /// When all endpoints of all stable Services were its.
    #[must_use]
    pub fn converged(&self) -> Option<Timestamp> {
        self.switched.and_then(|switched| switched.converged)
    }
}

fn started(view: &View<'_>, side: &SideView, attempt: Attempt) -> Option<Timestamp> {
    let created = side.workloads.iter().filter_map(|run| run.created_at).min();
    let record = view.record_of(attempt.revision);
    let retried = record.and_then(|record| rollout::retried(record.as_ref()));
    created.max(retried)
}

fn available_since(side: &SideView) -> Option<Timestamp> {
    let is_complete = matches!(side.runs, Runs::All(_));
    if !is_complete || !side.workloads.iter().all(|run| run.counts.is_available()) {
        return None;
    }
    let since = side.workloads.iter();
    since
        .filter_map(|run| run.deployed_at.or(run.created_at))
        .max()
}

fn switched(view: &View<'_>, attempt: Attempt) -> Option<Switched> {
    let record = view.record_of(attempt.revision)?;
    let switched = Switched::of(record.as_ref())?;
    (switched.attempt == attempt.number).then_some(switched)
}

/// The point in time that long after another.
#[must_use]
pub fn after(time: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    time.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
