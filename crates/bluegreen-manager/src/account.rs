//! What is recorded of an application's rollouts, read off the records of its revisions. Pure.
//!
//! Traces and events are told from this alone, so they are the same whenever and by whomever they are told.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use restapi_types::spec::gates::Moment;
use restapi_types::status::GateState;
use restapi_types::trace::Rollout;
use restapi_types::{
    Aborted, GateMark, GateMarks, RestAPI, RolloutMark, RolloutOutcome, keys, text,
};
use workloads::rollout;

use crate::plan::times::Switched;

/// The longest account of a failure, in bytes.
pub const MAX_WHY: usize = 256;

/// What is recorded of rollouts that are under way or ended a short time ago.
#[must_use]
pub fn accounts<'a>(
    restapi: &'a RestAPI,
    records: &'a [Arc<ControllerRevision>],
    now: Timestamp,
) -> Vec<Account<'a>> {
    let all = records.iter().filter_map(|record| {
        let account = Account::new(restapi, record, records)?;
        let last = account.last_end();
        let is_told = last.is_none_or(|last| rollout::is_told(last, now));
        is_told.then_some(account)
    });
    all.collect()
}

/// What is recorded of one rollout.
pub struct Account<'a> {
    /// The application.
    pub restapi: &'a RestAPI,
    /// Which rollout it is.
    pub rollout: Rollout<'a>,
    /// How far it has come.
    pub mark: RolloutMark,
    /// When the stable Services were moved to it, if they were.
    pub switched: Option<Switched>,
    /// What came of its gates.
    pub gates: GateMarks,
    /// When they were moved back, if they were.
    pub rollback: Option<Switched>,
    /// When they were last moved to it, whatever for: after its rollout has ended, that is no part of it any more.
    pub last_switch: Option<Switched>,
    /// When they were last moved back from it.
    pub last_back: Option<Switched>,
    /// Why it was given up, if it was.
    pub why: Option<String>,
}

impl<'a> Account<'a> {
    fn new(
        restapi: &'a RestAPI,
        record: &'a ControllerRevision,
        records: &[Arc<ControllerRevision>],
    ) -> Option<Self> {
        let mark = RolloutMark::last(record)?;
        let is_ours = mark
            .ended
            .is_none_or(|end| end.outcome != RolloutOutcome::TakenOver);
        let last_switch = Switched::of(record)
            .filter(|last| last.attempt == mark.attempt && last.began >= mark.started);
        // A later one takes back the rollout of another revision.
        let has_ended = |last: &Switched| mark.ended.is_some_and(|end| end.at < last.began);
        let switched = last_switch.filter(|last| !has_ended(last));
        let aborted = Aborted::of(record, mark.revision);
        // Of those that serve in its place: the switch to it came after the one that it takes back.
        let last_back = aborted.as_ref().and_then(|aborted| {
            let serving = records.iter().find(|r| r.revision == aborted.serving)?;
            let began = last_switch?.began;
            Switched::of(serving.as_ref()).filter(|back| back.began > began)
        });
        is_ours.then(|| Self {
            restapi,
            rollout: mark.rollout(
                restapi.metadata.uid.as_deref().unwrap_or_default(),
                record
                    .labels()
                    .get(keys::REVISION)
                    .map(String::as_str)
                    .unwrap_or_default(),
            ),
            gates: GateMarks::of(record, mark.attempt),
            mark,
            switched,
            rollback: last_back.filter(|_| switched.is_some()),
            last_switch,
            last_back,
            why: aborted.map(|aborted| text::shortened(&aborted.why, MAX_WHY)),
        })
    }

    /// When the last of it ended that can be told; nothing while it is under way.
    fn last_end(&self) -> Option<Timestamp> {
        let switches = [self.last_switch, self.last_back].into_iter().flatten();
        let ends = switches.map(|switched| switched.converged.unwrap_or(Timestamp::MAX));
        ends.chain([self.mark.ended?.at]).max()
    }

    /// Whether it was given up.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.mark.ended.is_some_and(|end| end.outcome.is_failure())
    }

    /// When it ended without having got to what comes next.
    #[must_use]
    pub fn stopped(&self) -> Option<Timestamp> {
        let end = self.mark.ended?;
        (end.outcome != RolloutOutcome::Succeeded).then_some(end.at)
    }

    /// Since when it could have served.
    #[must_use]
    pub fn ready(&self) -> Option<Timestamp> {
        let gates = self.gates.at(Moment::PreSwitch).values();
        let passed = gates.map(|mark| mark.last).max();
        Some(self.mark.available?.max(passed.unwrap_or(Timestamp::MIN)))
    }
}

/// Whether a gate has failed, or gave no answer for too long.
#[must_use]
pub fn is_bad(mark: &GateMark) -> bool {
    matches!(mark.state, GateState::Failed | GateState::Unknown)
}
