//! How far the rollout of an attempt has come, as it stands on the record of its revision in [`crate::keys::ROLLOUT`]:
//! what objects stop showing once they have changed, so that its trace can be told whole by whoever comes later.

use jiff::Timestamp;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use crate::keys;
use crate::trace::{Rollout, TraceParent};

/// What is recorded of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutMark {
    /// The number of the attempt.
    pub attempt: u64,
    /// The number that its revision had then: an application that comes back to it gives it another one.
    pub revision: i64,
    /// When somebody had it tried again, if anybody did: then it is another rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried: Option<Timestamp>,
    /// When it was started.
    pub started: Timestamp,
    /// When all its components were available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<Timestamp>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<RolloutEnd>,
    /// The span outside that brought it about, as W3C writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// How a rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: RolloutOutcome,
}

/// How a rollout can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutOutcome {
    /// All requests go to the revision, and its gates have passed.
    Succeeded,
    /// It was given up before any request went to it.
    GivenUp,
    /// It was given up once requests went to it, and none do any more.
    RolledBack,
    /// The spec asked for another revision before it had ended.
    Superseded,
    /// It was none: another manager had rolled the revision out before.
    TakenOver,
}

impl RolloutOutcome {
    /// Whether the revision was given up: somebody will want to know why.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::GivenUp | Self::RolledBack)
    }
}

impl RolloutMark {
    /// What a record says of any rollout, the last one that is recorded there.
    #[must_use]
    pub fn last(record: &impl ResourceExt) -> Option<Self> {
        serde_json::from_str(record.annotations().get(keys::ROLLOUT)?).ok()
    }

    /// What a record says of the rollout of an attempt; nothing of any other.
    #[must_use]
    pub fn of(record: &impl ResourceExt, attempt: u64) -> Option<Self> {
        let retried = retried(record);
        Self::last(record).filter(|mark| mark.attempt == attempt && mark.retried == retried)
    }

    /// Which rollout it is of, at the revision of that hash of the application of that uid.
    #[must_use]
    pub const fn rollout<'a>(&self, uid: &'a str, revision: &'a str) -> Rollout<'a> {
        Rollout {
            uid,
            revision,
            attempt: self.attempt,
            retried: self.retried,
        }
    }

    /// As it stands in the annotation.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The span outside that brought it about.
    #[must_use]
    pub fn cause(&self) -> Option<TraceParent> {
        self.cause.as_deref().and_then(TraceParent::parse)
    }
}

/// When somebody had the revision tried again that is recorded.
#[must_use]
pub fn retried(record: &impl ResourceExt) -> Option<Timestamp> {
    record.annotations().get(keys::RETRIED)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::ControllerRevision;
    use serde_json::json;

    use super::*;

    fn record(annotations: &serde_json::Value) -> ControllerRevision {
        let record = json!({"metadata": {"annotations": annotations}, "revision": 1});
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_and_says_nothing_of_another_rollout() {
        let mark = RolloutMark {
            attempt: 3,
            revision: 1,
            retried: None,
            started: Timestamp::UNIX_EPOCH,
            available: Some(Timestamp::UNIX_EPOCH),
            ended: Some(RolloutEnd {
                at: Timestamp::UNIX_EPOCH,
                outcome: RolloutOutcome::Succeeded,
            }),
            cause: None,
        };
        let written = record(&json!({keys::ROLLOUT: mark.text()}));
        assert_eq!(RolloutMark::of(&written, 3), Some(mark.clone()));
        assert_eq!(RolloutMark::of(&written, 4), None);
        let again = json!({keys::ROLLOUT: mark.text(), keys::RETRIED: "2026-01-02T03:04:05Z"});
        assert_eq!(RolloutMark::of(&record(&again), 3), None);
        assert_eq!(RolloutMark::last(&record(&again)), Some(mark));
        assert_eq!(
            RolloutMark::last(&record(&json!({keys::ROLLOUT: "x"}))),
            None
        );
    }
}
