//! Decides what to write. Pure: the same world at the same time gives the same plan.
//!
//! | module | what it gives |
//! |---|---|
//! | [`view`], [`times`] | what there is of an application, environment by environment, and since when |
//! | [`mod@situate`], [`situation`] | where it stands, without objects |
//! | [`mod@gates`] | what is tried before it serves, and once it does |
//! | [`command`] | what people ask for |
//! | [`mod@decide`] | what to do next |
//! | [`desired`], [`marks`], `act` | that, as writes |
//! | [`rollout`] | what is recorded for the trace |
//!
//! bluegreen-manager never writes: pods, Secrets, autoscalers, accounts, policies, routes, the spec of a `RestAPI`, or
//! anything of an application that does not have blue/green on.

mod act;
mod clock;
pub mod command;
pub mod decide;
pub mod desired;
pub mod gates;
pub mod marks;
mod recognise;
pub mod replicas;
pub mod rollout;
pub mod situate;
pub mod situation;
mod slices;
pub mod times;
pub mod view;
mod workers;

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::ResourceExt as _;
use restapi_resources::Application;
use restapi_types::spec::blue_green::BlueGreenSpec;
use restapi_types::{AttemptMark, Environment, keys};
use workloads::kinds::Role;
use workloads::plan::compare::Compare;
use workloads::plan::desired::{Desired, Stage};
use workloads::plan::planner::Planner;
use workloads::plan::turn::{Turn, turn};
use workloads::plan::{Plan, PlanError, Rollback, Step, held};
use workloads::world::World;

use act::Act;
use decide::{Next, decide};
use desired::Tenant;
use gates::Tried;
use marks::Pending;
use rollout::Ended;
use situate::{Situated, situate};
use view::View;

/// The name under which this manager writes workloads.
pub const WRITER: &str = keys::BLUEGREEN_MANAGER;

/// What was decided for an application, and what it was decided from.
pub struct Thought<'a> {
    /// What there is.
    pub view: View<'a>,
    /// Where the application stands.
    pub situated: Situated,
    /// What comes next; nothing while the workloads are being taken over.
    pub next: Option<Next>,
    /// What is to be written.
    pub plan: Plan,
    /// The rollouts that have ended by what is to be written.
    pub ended: Vec<Ended>,
}

/// Decides for `app`, which `world` describes, at `now`. `tried` are tries of its gates that have ended since.
///
/// # Errors
/// [`PlanError`] when an object can't be written as JSON, which no rendered object is.
pub fn think<'a>(
    app: &'a Application,
    spec: &BlueGreenSpec,
    world: &'a World,
    tried: &'a [Tried],
    now: Timestamp,
) -> Result<Thought<'a>, PlanError> {
    let view = View::new(app, spec.clone(), world, tried);
    let mut situated = situate(&view, now);
    let mut plan = Plan {
        revision_number: view.record.revision,
        rollback: view.order.clone(),
        ..Plan::default()
    };
    let (mut next, mut ended) = (None, Vec::new());
    match turn(app, world, WRITER) {
        Turn::Of(_) => {}
        Turn::TakeOver(notes) => plan.waves.push(notes),
        Turn::Ours if view.blue.is_unmarked || view.green.is_unmarked => {
            recognised(&view, &situated, now, &mut plan)?;
        }
        Turn::Ours => {
            let answer = command::pending(&view, &situated.situation);
            if let Some(Ok(effect)) = answer.as_ref().map(|answer| &answer.effect) {
                situated.situation = command::carried_out(situated.situation, effect);
            }
            let decided = decide(&situated.situation);
            let act = Act {
                view: &view,
                situated: &situated,
                now,
            };
            act.write(decided, answer.as_ref(), &mut plan, &mut ended)?;
            next = Some(decided);
        }
    }
    plan.waves.retain(|wave| !wave.is_empty());
    Ok(Thought {
        view,
        situated,
        next,
        plan,
        ended,
    })
}

/// Has what another manager made say which attempt it belongs to.
fn recognised(
    view: &View<'_>,
    situated: &Situated,
    now: Timestamp,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    if view.world.restapi.spec.paused == Some(true) {
        plan.is_paused = true;
        return Ok(());
    }
    let record = record(view, plan)?;
    plan.waves.push(record);
    plan.waves.push(taken_over(view, now));
    for environment in Environment::ALL {
        let side = view.side(environment);
        if let (Some(tenant), true) = (tenant(view, situated, environment), side.is_unmarked) {
            tenant.keep(view, &BTreeSet::new(), &mut BTreeSet::new(), plan)?;
        }
    }
    Ok(())
}

/// The notes that what is there was rolled out by another manager.
fn taken_over(view: &View<'_>, now: Timestamp) -> Vec<Step> {
    let mut pending = Pending::new(view);
    for environment in Environment::ALL {
        let side = view.side(environment);
        let attempt = side.runs.attempt().filter(|_| side.is_unmarked);
        let mark = attempt.and_then(|attempt| rollout::taken_over(view, attempt, now));
        if let (Some(attempt), Some(mark)) = (attempt, mark) {
            pending.rollout(attempt.revision, &mark);
        }
    }
    pending.steps()
}

/// What an environment runs, where that is known.
fn tenant<'a>(
    view: &'a View<'_>,
    situated: &Situated,
    environment: Environment,
) -> Option<Tenant<'a>> {
    let side = view.side(environment);
    let mark = AttemptMark {
        number: side.runs.attempt()?.number,
        hash: side.hash.clone()?,
    };
    Some(Tenant {
        environment,
        app: side.app.as_ref()?,
        mark,
        serves: situated.situation.is_served_from(environment),
    })
}

/// The step that makes the record of the revision that the spec asks for, if one is needed.
fn record(view: &View<'_>, plan: &mut Plan) -> Result<Vec<Step>, PlanError> {
    let mut record = view.record.clone();
    let is_ordered = view
        .world
        .restapi
        .annotations()
        .contains_key(keys::ROLLBACK);
    if let (Rollback::Held { serving, .. }, true) = (&view.order, is_ordered) {
        held::mark(&mut record, *serving);
    }
    let desired = Desired::new(&record, Stage::Foundations, Role::Workloads)?;
    let planner = Planner {
        world: view.world,
        compare: Compare {
            app: view.app,
            environment: Environment::default(),
            attempt: None,
        },
    };
    let step = planner.step(view.app, desired, plan)?;
    Ok(step.into_iter().collect())
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
