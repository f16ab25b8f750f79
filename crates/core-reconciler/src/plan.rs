//! Decides what to write. Pure: the same world gives the same plan.
//!
//! core-reconciler never writes: pods, Secrets, autoscalers, the spec of a `RestAPI`, or
//! anything that it does not own.

mod adopt;
mod claims;
mod compare;
mod desired;
mod held;
mod history;
mod ports;
mod prune;
mod replicas;
mod undone;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use manager_kit::tracker::Target;
use manager_kit::writer::{Draft, Write};
use restapi_resources::surroundings::Surroundings;
use restapi_resources::{Application, Component, Invalid};
use restapi_types::{Environment, keys};

use crate::adoption::Request;
use crate::kinds::{Role, is_workload};
use crate::world::{Objects, World, typed};
use adopt::Claim;
use desired::{Desired, Stage};
pub use held::Rollback;
use replicas::Replicas;

/// The name under which this manager writes workloads.
pub const WRITER: &str = "core-reconciler";

/// Something that keeps an object from being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An object of that name belongs to somebody else.
    Foreign(Target),
    /// An object of that name belongs to a deleted `RestAPI` of the same name, and is about to go.
    Predecessor(Target),
    /// The object is being deleted.
    Terminating(Target),
    /// The object was written for a newer generation than the one we see.
    Newer(Target),
    /// The Deployment was rendered by a newer manager, in a version that we don't know.
    UnknownRenderVersion(Target, String),
    /// The stable Service must not select this environment any more.
    Sealed(Target, String),
    /// A ConfigMap or Secret that pods need can't be had; in words, with the fix.
    ConfigMissing(String),
    /// The cluster lacks the kind of an object that the spec asks for; what to install.
    KindMissing(Target, &'static str),
    /// Somebody else writes the same field again and again: the field, and who.
    Disputed(Target, String, String),
    /// It can't be made out what is to be taken over; in words, with the fix.
    AdoptionUnclear(String),
    /// A Service can't be taken over without its users noticing; in words, with the fix.
    NotAdoptable(Target, String),
    /// A Service is being taken over: what is waited for, and whether that is soon.
    Adopting(Target, String, bool),
}

impl Obstacle {
    /// The object that it is about, where it is about one.
    #[must_use]
    pub const fn target(&self) -> Option<&Target> {
        match self {
            Self::ConfigMissing(_) | Self::AdoptionUnclear(_) => None,
            Self::Foreign(target)
            | Self::Predecessor(target)
            | Self::Terminating(target)
            | Self::Newer(target)
            | Self::UnknownRenderVersion(target, _)
            | Self::Sealed(target, _)
            | Self::KindMissing(target, _)
            | Self::Disputed(target, _, _)
            | Self::NotAdoptable(target, _)
            | Self::Adopting(target, _, _) => Some(target),
        }
    }

    /// Whether waiting is enough.
    #[must_use]
    pub fn goes_by_itself(&self) -> bool {
        matches!(
            self,
            Self::Predecessor(_)
                | Self::Terminating(_)
                | Self::Newer(_)
                | Self::Adopting(_, _, true)
        )
    }
}

/// A field of an object that somebody else changed, and that we change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which object.
    pub target: Target,
    /// The path of the field.
    pub field: String,
}

/// One write, and as who.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The part that the writer plays.
    pub role: Role,
    /// The write.
    pub write: Write,
}

/// What is to be written for an application, and what stands in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Writes in waves: those of one wave don't depend on each other, a wave depends on those before it.
    pub waves: Vec<Vec<Step>>,
    /// Whether new pod templates are tried out before anything is written, because parts of them are in
    /// Kubernetes' own form, which only the API server can check.
    pub rehearses: bool,
    /// What is not written, and why.
    pub obstacles: Vec<Obstacle>,
    /// What others changed.
    pub drift: Vec<Drift>,
    /// The Deployments that served before, and that are scaled to 0 now: by name, with the write.
    pub replaces: BTreeMap<String, Step>,
    /// The number of the revision that the spec asks for.
    pub revision_number: i64,
    /// What became of an order to go back.
    pub rollback: Rollback,
    /// Whether there was something to write, and nothing is written because the application is paused.
    pub is_paused: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            waves: Vec::new(),
            rehearses: false,
            obstacles: Vec::new(),
            drift: Vec::new(),
            replaces: BTreeMap::new(),
            revision_number: 0,
            rollback: Rollback::None,
            is_paused: false,
        }
    }
}

impl Plan {
    /// Leaves the object alone, for that reason.
    pub fn leave(&mut self, target: &Target, reason: Obstacle) {
        self.skip(target);
        self.obstacles.push(reason);
    }

    /// Leaves the object alone, which is as it should be.
    pub fn skip(&mut self, target: &Target) {
        for wave in &mut self.waves {
            wave.retain(|step| step.write.target() != *target);
        }
        self.waves.retain(|wave| !wave.is_empty());
        self.drift.retain(|drift| drift.target != *target);
    }
}

/// The environment that an application's stable Services select; blue, where it is born.
#[must_use]
pub fn active_environment(objects: &Objects) -> Environment {
    objects
        .of("Service")
        .filter(|service| !service.labels().contains_key(keys::ENVIRONMENT))
        .find_map(|service| {
            let selector = service.data.pointer("/spec/selector")?;
            Environment::parse(selector.get(keys::ENVIRONMENT)?.as_str()?)
        })
        .unwrap_or_default()
}

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
            environment: active_environment(&world.objects),
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

/// A plan that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The `RestAPI` can't be rendered.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An object can't be written as JSON.
    #[error("an object can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests;
