//! From what is desired and what is there to the writes between the two.

use std::ops::ControlFlow;

use kube::core::DynamicObject;
use manager_kit::writer::Draft;
use restapi_resources::{Application, Component};

use super::desired::{Desired, Stage};
use super::replicas::{self, Replicas};
use super::{Claim, Obstacle, Plan, PlanError, Step, adopt, claims, compare};
use crate::kinds::is_workload;
use crate::world::World;

/// Compares what is desired with what is.
pub struct Planner<'a> {
    /// What is.
    pub world: &'a World,
    /// How one object is compared.
    pub compare: compare::Compare<'a>,
}

impl Planner<'_> {
    /// Adds the steps that make what is desired of `app` exist, stage by stage.
    ///
    /// # Errors
    /// When an object can't be written as JSON, which no rendered object is.
    pub fn steps(
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
    ///
    /// # Errors
    /// As [`Planner::steps`].
    pub fn step(
        &self,
        app: &Application,
        desired: Desired,
        plan: &mut Plan,
    ) -> Result<Option<Step>, PlanError> {
        let mut draft = desired.draft;
        let kind = draft.resource.kind.as_str();
        let live = self.world.objects.get(kind, &draft.name).map(AsRef::as_ref);
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
