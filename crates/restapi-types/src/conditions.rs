//! Condition types and reasons of core-reconciler, and the one way to merge conditions.
//!
//! `Ready`, `Reconciling` and `Stalled` follow kstatus: a `RestAPI` is in progress while
//! `Reconciling` is True, failed while `Stalled` is True, and current once `Ready` is True.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::text::shortened;

/// Everything that the spec asks for exists, is synced and is available.
pub const READY: &str = "Ready";
/// Work is under way (kstatus: in progress).
pub const RECONCILING: &str = "Reconciling";
/// No progress without a change by somebody (kstatus: failed).
pub const STALLED: &str = "Stalled";
/// Every component has at least one pod that serves.
pub const AVAILABLE: &str = "Available";
/// A component's pods are being created or replaced.
pub const PROGRESSING: &str = "Progressing";

/// A revision is being started, switched to, or given up. bluegreen-manager's, like those that follow.
pub const ROLLOUT_PROGRESSING: &str = "RolloutProgressing";
/// The revision that is to serve is ready, under the Services of its own environment.
pub const PREVIEW_READY: &str = "PreviewReady";
/// The revision is ready and waits for somebody's `promote`.
pub const AWAITING_PROMOTION: &str = "AwaitingPromotion";
/// Every stable Service has endpoints of one environment only.
pub const TRAFFIC_CONVERGED: &str = "TrafficConverged";
/// The revision that the spec asks for was given up, and another one serves.
pub const ROLLED_BACK: &str = "RolledBack";

/// Events of core-reconciler about the application wait for NATS; absent while none do.
pub const EVENTS_UNDELIVERED: &str = "EventsUndelivered";
/// Events of bluegreen-manager about the application wait for NATS; absent while none do.
pub const ROLLOUT_EVENTS_UNDELIVERED: &str = "RolloutEventsUndelivered";

/// The longest message of a condition, in bytes; longer ones are cut at a character.
pub const MAX_MESSAGE: usize = 1024;

/// The three values of a condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nothing is known.
    Unknown,
}

impl Verdict {
    /// As it stands in the object.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Verdict {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// A condition before it has a transition time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One of the condition types above.
    pub type_: &'static str,
    /// Whether it holds.
    pub verdict: Verdict,
    /// A CamelCase word for programs.
    pub reason: String,
    /// What happened, where, and what to do about it, for people.
    pub message: String,
}

/// Reason and message of a condition.
pub type Words<'a> = (&'a str, &'a str);

impl Finding {
    /// That it holds, with the words of `yes`, or does not, with those of `no`.
    #[must_use]
    pub fn either(type_: &'static str, holds: bool, yes: Words<'_>, no: Words<'_>) -> Self {
        let (reason, message) = if holds { yes } else { no };
        Self {
            type_,
            verdict: holds.into(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// The findings as conditions. `lastTransitionTime` is kept from `previous` unless the status moves.
#[must_use]
pub fn merge(
    previous: &[Condition],
    findings: Vec<Finding>,
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    findings
        .into_iter()
        .map(|f| {
            let status = f.verdict.as_str();
            let kept = previous
                .iter()
                .find(|c| c.type_ == f.type_ && c.status == status)
                .map(|c| c.last_transition_time.clone());
            Condition {
                type_: f.type_.to_owned(),
                status: status.to_owned(),
                reason: f.reason,
                message: shortened(&f.message, MAX_MESSAGE),
                observed_generation: Some(generation),
                last_transition_time: kept.unwrap_or(Time(now)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, message: &str) -> Finding {
        Finding {
            type_: READY,
            verdict,
            reason: "Because".into(),
            message: message.into(),
        }
    }

    #[test]
    fn transition_time_moves_only_with_status() {
        let (t1, t2, t3) = (
            Timestamp::UNIX_EPOCH,
            Timestamp::constant(100, 0),
            Timestamp::constant(200, 0),
        );
        let first = merge(&[], vec![finding(Verdict::False, "one")], 1, t1);
        let same = merge(&first, vec![finding(Verdict::False, "two")], 2, t2);
        assert_eq!(same[0].last_transition_time, Time(t1));
        assert_eq!(same[0].observed_generation, Some(2));
        let moved = merge(&same, vec![finding(Verdict::True, "two")], 2, t3);
        assert_eq!(moved[0].last_transition_time, Time(t3));
    }

    #[test]
    fn messages_are_cut_at_a_character() {
        let cut = merge(
            &[],
            vec![finding(Verdict::True, &"ä".repeat(MAX_MESSAGE))],
            1,
            Timestamp::UNIX_EPOCH,
        );
        assert!(cut[0].message.len() <= MAX_MESSAGE);
        assert!(cut[0].message.ends_with("ä…"));
    }
}
