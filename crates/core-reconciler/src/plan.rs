//! Decides what to write. Pure: the same world gives the same plan.
//!
//! core-reconciler never writes: pods, Secrets, autoscalers, the spec of a `RestAPI`, or
//! anything that it does not own.

mod adopt;
mod desired;
mod prune;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::core::DynamicObject;
use manager_kit::writer::Draft;
use restapi_resources::surroundings::Surroundings;
use restapi_resources::{Application, Component};
use workloads::adoption::Request;
use workloads::kinds::is_workload;
use workloads::plan::desired::{Desired, Stage};
use workloads::plan::replicas::{self, Replicas};
use workloads::plan::{
    Claim, Obstacle, Plan, PlanError, Rollback, Step, claims, compare, held, history,
};
use workloads::world::{Objects, World, typed};

/// The name under which this manager writes workloads.
pub const WRITER: &str = "core-reconciler";

/// Plans for `app`, which `world` describes.
///
/// # Errors
/// [`PlanError`] when an object can't be written as JSON, which no rendered object is.
pub fn plan(
    app: &Application,
    world: &World,
    surroundings: &Surroundings,
) -> Result<Plan, PlanError> {
    let records = records(&world.objects);
    let (number, mut record) = history::record(app, &records);
    let rollback = held::rollback(&world.restapi, app, &records);
    let serving = match &rollback {
        Rollback::Held { app, serving } => {
            held::mark(&mut record, *serving);
            app
        }
        Rollback::None | Rollback::Void(_) => app,
    };
    let planner = Planner {
        world,
        compare: compare::Compare {
            app,
            environment: world.objects.active_environment(),
        },
    };
    let desired = desired::all(serving, &record, world, surroundings)?;
    let wanted: BTreeSet<_> = desired.iter().map(|d| d.draft.target()).collect();
    let mut plan = Plan {
        revision_number: number,
        ..Plan::default()
    };
    if let Err(unclear) = Request::of(&world.restapi) {
        plan.obstacles.push(Obstacle::AdoptionUnclear(unclear));
    }
    planner.steps(serving, desired, &mut plan)?;
    plan.waves.push(plan.replaces.values().cloned().collect());
    plan.waves.push(prune::surplus(app, wanted, world));
    plan.waves.retain(|wave| !wave.is_empty());
    if world.restapi.spec.paused == Some(true) && !matches!(rollback, Rollback::Held { .. }) {
        plan.is_paused = !plan.waves.is_empty();
        plan.waves.clear();
        plan.drift.clear();
        plan.replaces.clear();
    }
    plan.rollback = rollback;
    Ok(plan)
}

fn records(objects: &Objects) -> Vec<Arc<ControllerRevision>> {
    let records = objects.of("ControllerRevision");
    records.filter_map(|r| typed(r)).map(Arc::new).collect()
}

/// Compares what is desired with what is.
struct Planner<'a> {
    world: &'a World,
    compare: compare::Compare<'a>,
}

impl Planner<'_> {
    /// The steps that make what is desired exist, stage by stage.
    fn steps(
        &self,
        app: &Application,
        desired: Vec<Desired>,
        plan: &mut Plan,
    ) -> Result<(), PlanError> {
        let (mut foundations, mut workloads) = (Vec::new(), Vec::new());
        for object in desired {
            let stage = match object.stage {
                Stage::Foundations => &mut foundations,
                Stage::Workloads => &mut workloads,
            };
            stage.extend(self.step(app, object, plan)?);
        }
        for component in &app.components {
            workloads.extend(claims::growth(component, self.world));
        }
        plan.waves.extend([foundations, workloads]);
        Ok(())
    }

    /// The step that makes one object as it is desired, if one is needed and nothing stands in the way.
    fn step(
        &self,
        app: &Application,
        desired: Desired,
        plan: &mut Plan,
    ) -> Result<Option<Step>, PlanError> {
        let mut draft = desired.draft;
        let kind = draft.resource.kind.as_str();
        let live = self.world.objects.get(kind, &draft.name).map(Arc::as_ref);
        if let Some(optional) = desired.optional
            && !self.world.served.contains(kind)
        {
            let lacking = Obstacle::KindMissing(draft.target(), optional.installed_with());
            plan.obstacles.push(lacking);
            return Ok(None);
        }
        let component = desired.component.and_then(|name| app.component(name));
        let environment = self.compare.environment;
        let stable = component.and_then(|c| adopt::Stable::of(app, c, environment, self.world));
        let mut claim = Claim::Ordinary;
        if is_workload(kind) {
            let settled = self.workload(component, stable.as_ref(), &mut draft, live, plan);
            if let ControlFlow::Break(instead) = settled {
                return Ok(instead);
            }
        } else if let Some(stable) = stable.filter(|stable| stable.is(&draft)) {
            claim = stable.settle(&mut draft, plan)?;
        }
        if claim == Claim::Left {
            return Ok(None);
        }
        let role = desired.role;
        let write = self.compare.object(draft, live, claim, plan)?;
        plan.rehearses |= desired.is_opaque && write.is_some();
        Ok(write.map(|write| Step { role, write }))
    }

    /// Settles what of a workload depends on what is there; breaks off with what is done instead of writing it.
    fn workload(
        &self,
        component: Option<&Component>,
        stable: Option<&adopt::Stable<'_>>,
        draft: &mut Draft,
        live: Option<&DynamicObject>,
        plan: &mut Plan,
    ) -> ControlFlow<Option<Step>> {
        let lack = component.and_then(|c| self.world.config.missing(c.name));
        let lack = lack.map(|lack| Obstacle::ConfigMissing(lack.to_owned()));
        if let Some(obstacle) = lack.or_else(|| stable?.endangers(draft)) {
            plan.obstacles.push(obstacle);
            return ControlFlow::Break(None);
        }
        if let Some(live) = live {
            claims::keep_templates(draft, live);
        }
        let asked = component.and_then(|c| c.spec.replicas);
        let is_autoscaled = self.world.autoscaled.contains(&draft.target());
        match replicas::settle(draft, live, asked, is_autoscaled) {
            Replicas::Ours => ControlFlow::Continue(()),
            Replicas::TakeOver(step) => ControlFlow::Break(Some(*step)),
        }
    }
}

#[cfg(test)]
mod tests;
