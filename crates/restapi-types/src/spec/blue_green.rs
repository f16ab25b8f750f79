//! How one revision of an application replaces another as a whole.

use std::time::Duration;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gates::{GateSpec, Moment, gates, more_gates};
use crate::schema::choice;

/// Who lets a revision that is ready serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PromotionMode {
    /// Nobody has to: it serves once it is ready.
    #[default]
    Auto,
    /// Somebody, with the command `promote`.
    Manual,
}

/// What a new revision does when it needs the environment that is kept for going back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnNewRevision {
    /// It takes it: from then on there is nothing to go back to.
    #[default]
    Release,
    /// It waits until the time for going back is over.
    Wait,
}

/// What becomes of workers, which no Service switches, when a revision replaces another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Workers {
    /// Those of both revisions run while both are there.
    #[default]
    Overlap,
    /// Those of one revision run at a time: the others start once these have ended.
    HandOver,
}

/// When a revision that is ready serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromotionSpec {
    /// Who lets it serve; `Auto` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<PromotionMode>")]
    pub mode: Option<PromotionMode>,
    /// With `Auto`, seconds that it is ready before it serves; 0 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86400))]
    pub delay_seconds: Option<i32>,
    /// With `Manual`, seconds that it waits for somebody before it is given up; for ever unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 2_592_000))]
    pub approval_timeout_seconds: Option<i32>,
}

/// For how long the revision that served before is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionSpec {
    /// Seconds for which it stays at full size, so that going back is one switch; 600 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86400))]
    pub hot_seconds: Option<i32>,
    /// What a new revision does that needs its environment; `Release` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<OnNewRevision>")]
    pub on_new_revision: Option<OnNewRevision>,
}

/// Blue/green: a new revision is started beside the one that serves, all components of it, and serves once all
/// are ready, by one switch of all stable Services. Needs bluegreen-manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlueGreenSpec {
    /// Whether revisions are replaced that way; true unless set. Turning it on or off restarts no pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// When a revision that is ready serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PromotionSpec>,
    /// Seconds for which every component has to be available before it counts as ready; 10 unless set. Nodes need
    /// up to two to learn of new pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 3600))]
    pub stable_seconds: Option<i32>,
    /// Seconds that a revision may take to be ready before it is given up; 600 unless set. Waiting to be promoted
    /// does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 86400))]
    pub progress_deadline_seconds: Option<i32>,
    /// Seconds for which what served before answers what is under way, at the least; 30 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 3600))]
    pub drain_seconds: Option<i32>,
    /// What becomes of components without a port while two revisions are there; `Overlap` unless set. With `HandOver`
    /// those of the revision that does not serve are stopped, and the others started once they have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<Workers>")]
    pub workers: Option<Workers>,
    /// For how long the revision that served before is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSpec>,
    /// What is tried once a revision is ready, and before it may serve. If one fails, it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "gates")]
    pub pre_switch: Option<Vec<GateSpec>>,
    /// What is tried once a revision serves. If one fails, the one before serves again, which is kept until all have
    /// ended. The fields are those of `preSwitch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "more_gates")]
    pub post_switch: Option<Vec<GateSpec>>,
}

impl BlueGreenSpec {
    /// Whether revisions are replaced as a whole.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }

    /// Who lets a revision that is ready serve.
    #[must_use]
    pub fn mode(&self) -> PromotionMode {
        let promotion = self.promotion.as_ref();
        promotion.and_then(|p| p.mode).unwrap_or_default()
    }

    /// For how long a revision is ready before it serves.
    #[must_use]
    pub fn delay(&self) -> Duration {
        seconds(self.promotion.as_ref().and_then(|p| p.delay_seconds), 0)
    }

    /// How long a revision that is ready waits for somebody before it is given up, if not for ever.
    #[must_use]
    pub fn approval_timeout(&self) -> Option<Duration> {
        let timeout = self.promotion.as_ref()?.approval_timeout_seconds?;
        let is_waited_for = self.mode() == PromotionMode::Manual;
        is_waited_for.then(|| seconds(Some(timeout), 0))
    }

    /// For how long a component has to be available before it counts as ready.
    #[must_use]
    pub fn stable(&self) -> Duration {
        seconds(self.stable_seconds, 10)
    }

    /// How long a revision may take to be ready.
    #[must_use]
    pub fn progress_deadline(&self) -> Duration {
        seconds(self.progress_deadline_seconds, 600)
    }

    /// For how long what served before answers what is under way.
    #[must_use]
    pub fn drain(&self) -> Duration {
        seconds(self.drain_seconds, 30)
    }

    /// For how long what served before is kept for going back: no shorter than it drains.
    #[must_use]
    pub fn hot(&self) -> Duration {
        let hot = self.retention.as_ref().and_then(|r| r.hot_seconds);
        seconds(hot, 600).max(self.drain())
    }

    /// What becomes of workers.
    #[must_use]
    pub fn workers(&self) -> Workers {
        self.workers.unwrap_or_default()
    }

    /// The gates of that moment.
    #[must_use]
    pub fn gates(&self, moment: Moment) -> &[GateSpec] {
        let gates = match moment {
            Moment::PreSwitch => self.pre_switch.as_deref(),
            Moment::PostSwitch => self.post_switch.as_deref(),
        };
        gates.unwrap_or_default()
    }

    /// What a new revision does that needs the environment which is kept for going back.
    #[must_use]
    pub fn on_new_revision(&self) -> OnNewRevision {
        let retention = self.retention.as_ref();
        retention
            .and_then(|r| r.on_new_revision)
            .unwrap_or_default()
    }
}

fn seconds(given: Option<i32>, default: u32) -> Duration {
    let given = given.and_then(|given| u32::try_from(given).ok());
    Duration::from_secs(given.unwrap_or(default).into())
}
