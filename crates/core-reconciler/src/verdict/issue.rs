//! What stands between an application and Ready, in words.

use restapi_types::keys;

use super::Outcome;
use super::component::ComponentVerdict;
use crate::plan::{Obstacle, Plan, Rollback};

/// The reason of conditions when the API server refused a write.
pub const WRITE_REFUSED: &str = "WriteRefused";

/// What is to come of something that stands between an application and Ready, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nothing, until somebody changes something.
    Final,
    /// Nothing, because somebody asked for that.
    Paused,
    /// It goes by itself.
    Progress,
}

/// What stands between an application and Ready.
pub(super) struct Issue {
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) weight: Weight,
}

/// The gravest thing that stands between the application and Ready: what was refused, what stands in the
/// way, what components lack, in that order; what is final before what is not.
pub(super) fn issue(
    components: &[ComponentVerdict],
    plan: &Plan,
    outcome: &Outcome,
) -> Option<Issue> {
    let refused = outcome.refusals.iter().map(|refusal| Issue {
        reason: WRITE_REFUSED.into(),
        message: format!(
            "{} {} was refused by the API server: {}; what ran before still runs",
            refusal.target.kind, refusal.target.name, refusal.message
        ),
        weight: Weight::Final,
    });
    let obstacles = plan.obstacles.iter().map(of_obstacle);
    let lacking = components.iter().filter_map(ComponentVerdict::issue);
    let mut all: Vec<_> = refused
        .chain(obstacles)
        .chain(of_rollback(&plan.rollback, plan.revision_number))
        .chain(plan.is_paused.then(paused))
        .chain(lacking)
        .collect();
    all.sort_by_key(|issue| issue.weight);
    let more = all.len().saturating_sub(1);
    let writing = outcome.wrote.then(|| Issue {
        reason: "Applying".into(),
        message: "objects are being written".into(),
        weight: Weight::Progress,
    });
    let mut first = all.into_iter().next().or(writing)?;
    if more > 0 {
        first.message = format!("{} (and {more} more)", first.message);
    }
    Some(first)
}

fn paused() -> Issue {
    Issue {
        reason: "Paused".into(),
        message: "spec.paused is true, so what differs from the spec is left as it is; remove it to go on"
            .into(),
        weight: Weight::Paused,
    }
}

fn of_rollback(rollback: &Rollback, asked_for: i64) -> Option<Issue> {
    let (reason, message) = match rollback {
        Rollback::None => return None,
        Rollback::Held { serving, .. } => (
            "RevisionHeld",
            format!(
                "revision {asked_for} held, serving {serving}: change the spec, or remove the annotation {} to try it again",
                keys::ROLLBACK
            ),
        ),
        Rollback::Void(why) => ("RollbackVoid", why.clone()),
    };
    Some(Issue {
        reason: reason.into(),
        message,
        weight: Weight::Final,
    })
}

fn of_obstacle(obstacle: &Obstacle) -> Issue {
    let (target, reason, what, is_final) = match obstacle {
        Obstacle::ConfigMissing(lack) => {
            return Issue {
                reason: "ConfigMissing".into(),
                message: lack.clone(),
                weight: Weight::Final,
            };
        }
        Obstacle::AdoptionUnclear(problem) => {
            return Issue {
                reason: "AdoptionUnclear".into(),
                message: problem.clone(),
                weight: Weight::Final,
            };
        }
        Obstacle::NotAdoptable(target, why) => (
            target,
            "NotAdoptable",
            format!("can't be taken over: it {why}"),
            true,
        ),
        Obstacle::Adopting(target, why, _) => (
            target,
            "Adopting",
            format!("is being taken over: it {why}"),
            false,
        ),
        Obstacle::KindMissing(target, install) => (
            target,
            "KindMissing",
            format!("can't be made, because the cluster does not have this kind: install {install}, or remove the field that asks for it"),
            true,
        ),
        Obstacle::Disputed(target, field, who) => (
            target,
            "Conflict",
            format!("is left as it is: {who} writes {field} again and again; make one of the two stop: change the RestAPI, or that writer"),
            true,
        ),
        Obstacle::Foreign(target) => (
            target,
            "NameTaken",
            "exists and does not belong to this RestAPI: delete or rename it, or rename the RestAPI".to_owned(),
            true,
        ),
        Obstacle::Predecessor(target) => (
            target,
            "PredecessorRemains",
            "belongs to a deleted RestAPI of this name: waiting for the garbage collector to remove it".to_owned(),
            false,
        ),
        Obstacle::Terminating(target) => (
            target,
            "Terminating",
            "is being deleted: it is made again once it is gone".to_owned(),
            false,
        ),
        Obstacle::Newer(target) => (
            target,
            "NewerGeneration",
            "was written for a newer generation: waiting to see it".to_owned(),
            false,
        ),
        Obstacle::UnknownRenderVersion(target, version) => (
            target,
            "MadeByNewerManager",
            format!("was rendered in version {version}, which this core-reconciler does not know: it is left as it is; upgrade core-reconciler"),
            true,
        ),
        Obstacle::Sealed(target, sealed) => (
            target,
            "Sealed",
            format!("must not select {sealed} any more: it is left as it is"),
            true,
        ),
    };
    Issue {
        reason: reason.into(),
        message: format!("{} {} {what}", target.kind, target.name),
        weight: if is_final {
            Weight::Final
        } else {
            Weight::Progress
        },
    }
}
