//! What stands between an application and Ready, in words.

use restapi_resources::Application;
use restapi_types::keys;
use workloads::apply::Outcome;
use workloads::plan::{Obstacle, Plan, Rollback};
use workloads::world::World;

use super::blue_green;
use super::component::ComponentVerdict;

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
    app: &Application,
    world: &World,
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
        .chain(of_rollback(app, &plan.rollback, plan.revision_number))
        .chain(blue_green::issue(app, world))
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

fn of_rollback(app: &Application, rollback: &Rollback, asked_for: i64) -> Option<Issue> {
    let (reason, message) = match rollback {
        Rollback::None => return None,
        // bluegreen-manager says so, and why.
        Rollback::Held { .. } if app.spec.blue_green().is_some() => return None,
        Rollback::Held { serving, .. } => (
            "RevisionHeld",
            format!(
                "revision {asked_for} held, serving {serving}: change the spec, or remove the annotation {} to try it again; one that blue/green gave up waits for another revision",
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
    let what = obstacle.words();
    let message = match obstacle.target() {
        Some(target) => format!("{} {} {what}", target.kind, target.name),
        None => what,
    };
    let waits = obstacle.goes_by_itself() || matches!(obstacle, Obstacle::Adopting(..));
    Issue {
        reason: obstacle.reason().into(),
        message,
        weight: if waits {
            Weight::Progress
        } else {
            Weight::Final
        },
    }
}
