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
    let what = words(obstacle);
    let message = match obstacle.target() {
        Some(target) => format!("{} {} {what}", target.kind, target.name),
        None => what,
    };
    let waits = obstacle.goes_by_itself() || matches!(obstacle, Obstacle::Adopting(..));
    Issue {
        reason: reason(obstacle).into(),
        message,
        weight: if waits {
            Weight::Progress
        } else {
            Weight::Final
        },
    }
}

const fn reason(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::ConfigMissing(_) => "ConfigMissing",
        Obstacle::AdoptionUnclear(_) => "AdoptionUnclear",
        Obstacle::NotAdoptable(..) => "NotAdoptable",
        Obstacle::Adopting(..) => "Adopting",
        Obstacle::KindMissing(..) => "KindMissing",
        Obstacle::Disputed(..) => "Conflict",
        Obstacle::Foreign(_) => "NameTaken",
        Obstacle::Predecessor(_) => "PredecessorRemains",
        Obstacle::Terminating(_) => "Terminating",
        Obstacle::Newer(_) => "NewerGeneration",
        Obstacle::UnknownRenderVersion(..) => "MadeByNewerManager",
        Obstacle::Sealed(..) => "Sealed",
    }
}

/// What is so, and the fix; of the object, where it is about one.
fn words(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::ConfigMissing(problem) | Obstacle::AdoptionUnclear(problem) => problem.clone(),
        Obstacle::NotAdoptable(_, why) => format!("can't be taken over: it {why}"),
        Obstacle::Adopting(_, why, _) => format!("is being taken over: it {why}"),
        Obstacle::KindMissing(_, install) => format!(
            "can't be made, because the cluster does not have this kind: install {install}, or remove the field that asks for it"
        ),
        Obstacle::Disputed(_, field, who) => format!(
            "is left as it is: {who} writes {field} again and again; make one of the two stop: change the RestAPI, or that writer"
        ),
        Obstacle::UnknownRenderVersion(_, version) => format!(
            "was rendered in version {version}, which this core-reconciler does not know: it is left as it is; upgrade core-reconciler"
        ),
        Obstacle::Sealed(_, sealed) => {
            format!("must not select {sealed} any more: it is left as it is")
        }
        Obstacle::Foreign(_) => "exists and does not belong to this RestAPI: delete or rename it, or rename the RestAPI".to_owned(),
        Obstacle::Predecessor(_) => "belongs to a deleted RestAPI of this name: waiting for the garbage collector to remove it".to_owned(),
        Obstacle::Terminating(_) => "is being deleted: it is made again once it is gone".to_owned(),
        Obstacle::Newer(_) => "was written for a newer generation: waiting to see it".to_owned(),
    }
}
