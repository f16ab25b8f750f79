//! core-reconciler's step of a rollout that bluegreen-manager makes, told from status and record. Pure.

use jiff::Timestamp;
use manager_kit::telemetry::spans::Trace;
use restapi_resources::Application;
use restapi_types::trace::Rollout;
use restapi_types::{RolloutMark, RolloutOutcome};
use workloads::plan::history;
use workloads::rollout;
use workloads::world::World;

/// What stands beside the workloads, until it was as the revision needs it; nothing where that is not so yet, was long
/// ago, or no rollout is recorded.
#[must_use]
pub fn companions(
    world: &World,
    app: &Application,
    asked: &Rollout<'_>,
    now: Timestamp,
) -> Option<Trace> {
    let record = history::own(app, &world.objects)?;
    let mark = RolloutMark::of(record, asked.attempt)?;
    let outcome = mark.ended.map(|end| end.outcome);
    let told = world.restapi.status.as_ref()?.core.as_ref()?;
    let is_of_it = told.revision == app.revision && told.revision_number == Some(mark.revision);
    let end = told
        .synced_at
        .as_ref()
        .filter(|_| is_of_it)?
        .0
        .max(mark.started);
    let is_told = rollout::is_told(end, now) && outcome != Some(RolloutOutcome::TakenOver);
    is_told.then(|| {
        let times = (mark.started, end);
        Trace {
            id: asked.trace(),
            spans: vec![rollout::step(
                &world.restapi,
                asked,
                mark.revision,
                "companions",
                times,
            )],
            is_needed: outcome.is_some_and(RolloutOutcome::is_failure),
        }
    })
}
