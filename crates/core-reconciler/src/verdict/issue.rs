//! What stands between an application and Ready, in words.

use super::Outcome;
use super::component::ComponentVerdict;
use crate::plan::{Obstacle, Plan};

/// The reason of conditions when the API server refused a write.
pub const WRITE_REFUSED: &str = "WriteRefused";

/// What stands between an application and Ready.
pub(super) struct Issue {
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) is_final: bool,
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
        is_final: true,
    });
    let obstacles = plan.obstacles.iter().map(of_obstacle);
    let lacking = components.iter().filter_map(ComponentVerdict::issue);
    let mut all: Vec<_> = refused.chain(obstacles).chain(lacking).collect();
    all.sort_by_key(|issue| !issue.is_final);
    let more = all.len().saturating_sub(1);
    let writing = outcome.wrote.then(|| Issue {
        reason: "Applying".into(),
        message: "objects are being written".into(),
        is_final: false,
    });
    let mut first = all.into_iter().next().or(writing)?;
    if more > 0 {
        first.message = format!("{} (and {more} more)", first.message);
    }
    Some(first)
}

fn of_obstacle(obstacle: &Obstacle) -> Issue {
    let (target, reason, what, is_final) = match obstacle {
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
        is_final,
    }
}
