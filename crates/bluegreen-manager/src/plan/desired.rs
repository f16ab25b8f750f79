//! What an environment should have.

use std::collections::BTreeSet;

use manager_kit::tracker::Target;
use manager_kit::writer::Write;
use restapi_resources::{Application, RenderVersion, render};
use restapi_types::{AttemptMark, ComponentName, Environment, keys};
use workloads::kinds::is_workload;
use workloads::plan::compare::{Compare, set};
use workloads::plan::desired::{self, Desired};
use workloads::plan::planner::Planner;
use workloads::plan::{Plan, PlanError, Step};

use super::view::View;
use super::{replicas, workers};

/// What one environment runs, or is to run.
pub struct Tenant<'a> {
    /// The environment.
    pub environment: Environment,
    /// The application as it is in that revision.
    pub app: &'a Application,
    /// The attempt.
    pub mark: AttemptMark,
    /// Whether requests are sent to it.
    pub serves: bool,
}

impl Tenant<'_> {
    /// Every object that it should have, with the stable Services of these components selecting it.
    ///
    /// # Errors
    /// When an object can't be written as JSON, which no rendered object is.
    pub fn desired(
        &self,
        view: &View<'_>,
        stable: &BTreeSet<ComponentName>,
    ) -> Result<Vec<Desired>, PlanError> {
        let monitors_pods = view.world.served.contains("PodMonitor");
        let called = desired::ports_in_use(view.world);
        let version = RenderVersion::default();
        let rendered = render(
            self.app,
            self.environment,
            keys::BLUEGREEN_MANAGER,
            version,
            &called,
        );
        let mut all = Vec::new();
        for mut component in rendered.components {
            let name = component.name;
            if !stable.contains(&name) {
                component.stable = None;
            }
            let own = desired::of_component(self.app, component, monitors_pods)?;
            all.extend(own.into_iter().map(|object| self.marked(view, object)));
        }
        Ok(all)
    }

    /// Puts the attempt and the number of pods on workloads.
    fn marked(&self, view: &View<'_>, mut object: Desired) -> Desired {
        let component = object.component.and_then(|name| self.app.component(name));
        if let (Some(component), true) = (component, is_workload(&object.draft.resource.kind)) {
            let mark = self.mark.to_string();
            set(&mut object.draft.body, "annotations", keys::ATTEMPT, &mark);
            let draft = &mut object.draft;
            replicas::settle(view, component, self.environment, self.serves, draft);
        }
        object
    }

    /// Compares it with what is.
    #[must_use]
    pub fn planner<'a>(&'a self, view: &View<'a>) -> Planner<'a> {
        Planner {
            world: view.world,
            compare: Compare {
                app: view.app,
                environment: self.environment,
                attempt: Some(self.mark.number),
            },
        }
    }

    /// Adds the steps that make it exist, and to `wanted` what it consists of.
    ///
    /// # Errors
    /// As [`Tenant::desired`].
    pub fn keep(
        &self,
        view: &View<'_>,
        stable: &BTreeSet<ComponentName>,
        wanted: &mut BTreeSet<Target>,
        plan: &mut Plan,
    ) -> Result<(), PlanError> {
        let desired = self.desired(view, stable)?;
        wanted.extend(desired.iter().map(|object| object.draft.target()));
        let mut own = Plan::default();
        self.planner(view).steps(self.app, desired, &mut own)?;
        for wave in &mut own.waves {
            leaf_first(wave, &mut plan.waves);
        }
        plan.waves.append(&mut own.waves);
        plan.obstacles.append(&mut own.obstacles);
        plan.drift.append(&mut own.drift);
        plan.replaces.append(&mut own.replaces);
        plan.rehearses |= own.rehearses;
        Ok(())
    }

    /// Adds the steps that stop the workers of an environment that is kept and does not serve, where they are handed
    /// over. Nothing else of it is touched.
    ///
    /// # Errors
    /// As [`Tenant::desired`].
    pub fn stop_workers(&self, view: &View<'_>, plan: &mut Plan) -> Result<(), PlanError> {
        let is_worker = |object: &Desired| {
            let component = object.component.and_then(|name| self.app.component(name));
            is_workload(&object.draft.resource.kind)
                && component.is_some_and(|component| workers::is_handed_over(view, component))
        };
        let mut steps = Vec::new();
        for object in self.desired(view, &BTreeSet::new())? {
            if is_worker(&object) {
                steps.extend(self.planner(view).step(self.app, object, plan)?);
            }
        }
        plan.waves.push(steps);
        Ok(())
    }
}

/// Takes the first workload that is created out of a wave, into one before it: who creates it has the environment.
fn leaf_first(wave: &mut Vec<Step>, before: &mut Vec<Vec<Step>>) {
    let is_first = |step: &Step| match &step.write {
        Write::Create(draft) => is_workload(&draft.resource.kind),
        _ => false,
    };
    if let Some(at) = wave.iter().position(is_first) {
        before.push(vec![wave.remove(at)]);
    }
}
