//! What came of gates, as it stands on the record of a revision in [`crate::keys::GATES`]: written before anything
//! follows from it, so that nothing is tried again after a restart.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use crate::keys;
use crate::spec::gates::Moment;
use crate::status::GateState;

/// What came of the gates of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateMarks {
    /// The number of the attempt.
    pub attempt: u64,
    /// Those before the switch, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pre: BTreeMap<String, GateMark>,
    /// Those after it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub post: BTreeMap<String, GateMark>,
}

/// What came of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateMark {
    /// The hash of what the spec said of it: a gate that was changed is another one.
    pub hash: String,
    /// When it was tried first.
    pub began: Timestamp,
    /// When it was tried last.
    pub last: Timestamp,
    /// When a try last showed anything that could be judged; before that, when it was tried first.
    pub answered: Timestamp,
    /// How often it passed.
    pub passed: u32,
    /// How often it failed.
    pub failed: u32,
    /// What it has come to.
    pub state: GateState,
    /// What the last try showed.
    pub why: String,
}

impl GateMarks {
    /// Those of an attempt that a record bears; none of any other attempt.
    #[must_use]
    pub fn of(record: &impl ResourceExt, attempt: u64) -> Self {
        let text = record.annotations().get(keys::GATES);
        let marks = text.and_then(|text| serde_json::from_str::<Self>(text).ok());
        let own = marks.filter(|marks| marks.attempt == attempt);
        own.unwrap_or_else(|| Self {
            attempt,
            ..Self::default()
        })
    }

    /// As they stand in the annotation.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Those of one moment.
    #[must_use]
    pub const fn at(&self, moment: Moment) -> &BTreeMap<String, GateMark> {
        match moment {
            Moment::PreSwitch => &self.pre,
            Moment::PostSwitch => &self.post,
        }
    }

    /// Those of one moment, to be changed.
    pub const fn at_mut(&mut self, moment: Moment) -> &mut BTreeMap<String, GateMark> {
        match moment {
            Moment::PreSwitch => &mut self.pre,
            Moment::PostSwitch => &mut self.post,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::ControllerRevision;
    use serde_json::json;

    use super::*;

    fn record(gates: &str) -> ControllerRevision {
        let annotations = json!({keys::GATES: gates});
        let record = json!({"metadata": {"annotations": annotations}, "revision": 1});
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_and_says_nothing_of_another_attempt() {
        let mark = GateMark {
            hash: "a1".to_owned(),
            began: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
            answered: Timestamp::UNIX_EPOCH,
            passed: 1,
            failed: 2,
            state: GateState::Passed,
            why: "200".to_owned(),
        };
        let mut marks = GateMarks {
            attempt: 3,
            ..GateMarks::default()
        };
        marks
            .at_mut(Moment::PostSwitch)
            .insert("smoke".to_owned(), mark);
        let written = record(&marks.text());
        assert_eq!(GateMarks::of(&written, 3), marks);
        assert!(GateMarks::of(&written, 4).post.is_empty());
        assert!(GateMarks::of(&record("rubbish"), 3).post.is_empty());
    }
}
