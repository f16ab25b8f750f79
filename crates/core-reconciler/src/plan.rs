//! Decides what to write. Pure: the same world gives the same plan.
//!
//! core-reconciler never writes: pods, Secrets, autoscalers, the spec of a `RestAPI`, or
//! anything that it does not own; and nothing of workloads where bluegreen-manager has them.

mod desired;

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::ControllerRevision;
use restapi_resources::Application;
use restapi_resources::surroundings::Surroundings;
use restapi_types::keys;
use workloads::adoption::Request;
use workloads::kinds::{OwnedKind, Role};
use workloads::plan::compare::Compare;
use workloads::plan::planner::Planner;
use workloads::plan::turn::{Turn, turn};
use workloads::plan::{Obstacle, Plan, PlanError, Rollback, held, history, prune};
use workloads::world::World;

use crate::kinds;

/// The name under which this manager writes workloads.
pub const WRITER: &str = keys::CORE_RECONCILER;

/// Plans for `app`, which `world` describes.
///
/// # Errors
/// [`PlanError`] when an object can't be written as JSON, which no rendered object is.
pub fn plan(
    app: &Application,
    world: &World,
    surroundings: &Surroundings,
) -> Result<Plan, PlanError> {
    let records = world.records();
    let (number, record) = history::record(app, &records);
    let mut plan = Plan {
        revision_number: number,
        rollback: held::rollback(&world.restapi, app, &records),
        ..Plan::default()
    };
    match turn(app, world, WRITER) {
        Turn::Ours => everything(app, record, world, surroundings, &mut plan)?,
        Turn::TakeOver(notes) => plan.waves.push(notes),
        Turn::Of(_) => companions(app, world, surroundings, &mut plan)?,
    }
    plan.waves.retain(|wave| !wave.is_empty());
    if world.restapi.spec.paused == Some(true) && !matches!(plan.rollback, Rollback::Held { .. }) {
        plan.is_paused = !plan.waves.is_empty();
        plan.waves.clear();
        plan.drift.clear();
        plan.replaces.clear();
    }
    Ok(plan)
}

/// Everything that `app` should have, whichever manager writes it.
///
/// # Errors
/// As [`plan`].
pub fn whole(
    app: &Application,
    world: &World,
    surroundings: &Surroundings,
) -> Result<Plan, PlanError> {
    let mut plan = Plan::default();
    let (_, record) = history::record(app, &world.records());
    everything(app, record, world, surroundings, &mut plan)?;
    Ok(plan)
}

/// What is to be written while core-reconciler writes the workloads.
fn everything(
    app: &Application,
    mut record: ControllerRevision,
    world: &World,
    surroundings: &Surroundings,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let rollback = plan.rollback.clone();
    let serving = match &rollback {
        Rollback::Held { app, serving } => {
            held::mark(&mut record, *serving);
            app
        }
        Rollback::None | Rollback::Void(_) => app,
    };
    if let Err(unclear) = Request::of(&world.restapi) {
        plan.obstacles.push(Obstacle::AdoptionUnclear(unclear));
    }
    let desired = desired::all(serving, &record, world, surroundings)?;
    let wanted: BTreeSet<_> = desired.iter().map(|d| d.draft.target()).collect();
    planner(app, world).steps(serving, desired, plan)?;
    plan.waves.push(plan.replaces.values().cloned().collect());
    plan.waves
        .push(prune::surplus(app, wanted, world, kinds::owned));
    Ok(())
}

/// What is to be written while another manager writes the workloads.
fn companions(
    app: &Application,
    world: &World,
    surroundings: &Surroundings,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let desired = desired::companions(app, world, surroundings)?;
    let wanted: BTreeSet<_> = desired.iter().map(|d| d.draft.target()).collect();
    planner(app, world).steps(app, desired, plan)?;
    let of_ours = || {
        let mut kinds = kinds::owned();
        kinds.retain(|kind: &OwnedKind| kind.role == Role::Companions);
        kinds
    };
    plan.waves.push(prune::surplus(app, wanted, world, of_ours));
    Ok(())
}

fn planner<'a>(app: &'a Application, world: &'a World) -> Planner<'a> {
    let environment = world.objects.active_environment();
    let attempt = world.attempt_in(environment);
    Planner {
        world,
        compare: Compare {
            app,
            environment,
            attempt: attempt.map(|attempt| attempt.number),
        },
    }
}

#[cfg(test)]
mod tests;
