//! From a decision to the writes that carry it out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use manager_kit::tracker::Target;
use manager_kit::writer::Marks;
use restapi_resources::Application;
use restapi_types::{AttemptMark, ComponentName, Environment, keys, names};
use workloads::adoption::Request;
use workloads::kinds::is_workload;
use workloads::plan::compare::Compare;
use workloads::plan::planner::Planner;
use workloads::plan::{Obstacle, Plan, PlanError, Step, prune};
use workloads::world::environment_of;

use super::command::Answer;
use super::decide::{Next, Order};
use super::desired::Tenant;
use super::gates;
use super::marks::Pending;
use super::rollout::Ended;
use super::situate::{Situated, subject};
use super::situation::{Attempt, Runs};
use super::view::{View, with_port};
use super::{record, rollout, slices, tenant};
use crate::{kinds, words};

/// Turns what was decided into writes.
pub(super) struct Act<'a, 'b> {
    /// What there is.
    pub(super) view: &'b View<'a>,
    /// Where the application stands.
    pub(super) situated: &'b Situated,
    /// The present.
    pub(super) now: Timestamp,
}

impl Act<'_, '_> {
    /// Adds the writes of `next`, and the answer to a command, to `plan`, and to `ended` what they say has ended.
    ///
    /// # Errors
    /// When an object can't be written as JSON, which no rendered object is.
    pub(super) fn write(
        &self,
        next: Next,
        answer: Option<&Answer>,
        plan: &mut Plan,
        ended: &mut Vec<Ended>,
    ) -> Result<(), PlanError> {
        let mut pending = Pending::new(self.view);
        if let Some(gates) = &self.situated.gates {
            pending.gates(gates);
        }
        // After the gates: what is tried again has none behind it.
        if let Some(answer) = answer {
            pending.answer(answer, self.now);
        }
        let is_calm = matches!(next, Next::Rest | Next::Wait(_)) && !self.is_paused(next);
        let converged = is_calm.then(|| pending.converged(self.situated, self.now));
        let progress = rollout::progress(self.view, self.situated, converged.flatten(), self.now);
        let progress = progress.map(|mark| (self.view.asked(), mark));
        for (revision, mark) in progress
            .into_iter()
            .chain(rollout::superseded(self.view, self.now))
        {
            pending.rollout(revision, &mark);
            ended.extend(Ended::of(self.view, revision, &mark));
        }
        if self.is_paused(next) {
            plan.is_paused = !matches!(next, Next::Rest | Next::Wait(_));
            plan.waves.push(pending.steps());
            return Ok(());
        }
        match next {
            Next::Switch(home, order) => self.switch(home, order, pending, plan),
            Next::Seal(environment, number) => {
                plan.waves.push(pending.steps());
                plan.waves.push(self.seal(environment, number));
                Ok(())
            }
            Next::Hold(held) => {
                let why = words::given_up(self.view, self.situated, held);
                pending.hold(held, &why);
                plan.waves.push(pending.steps());
                Ok(())
            }
            // The notes come before.
            Next::TakeOver => Ok(()),
            Next::Build(home, attempt) => self.keep(Some((home, attempt)), None, pending, plan),
            Next::Release(environment) => self.keep(None, Some(environment), pending, plan),
            Next::Wait(_) | Next::Rest => self.keep(None, None, pending, plan),
        }
    }

    /// While an application is paused, nothing is done but going back.
    fn is_paused(&self, next: Next) -> bool {
        let goes_back = matches!(next, Next::Switch(_, Order::EdgeFirst));
        self.view.world.restapi.spec.paused == Some(true) && !goes_back
    }

    /// Moves the stable Services to an environment, one after another, each in just the state in which it was seen.
    fn switch(
        &self,
        home: Environment,
        order: Order,
        mut pending: Pending<'_, '_>,
        plan: &mut Plan,
    ) -> Result<(), PlanError> {
        let Some(tenant) = tenant(self.view, self.situated, home) else {
            return Ok(());
        };
        if let Runs::All(attempt) = self.view.side(home).runs {
            pending.switch(attempt, self.situated.times(home).switched, self.now);
        }
        plan.waves.push(pending.steps());
        let mut components: Vec<_> = with_port(tenant.app).into_iter().collect();
        if order == Order::EdgeFirst {
            components.reverse();
        }
        let desired = tenant.desired(self.view, &components.iter().copied().collect())?;
        let mut services: BTreeMap<_, _> = desired
            .into_iter()
            .filter(|object| object.draft.resource.kind == "Service")
            .map(|object| (object.draft.name.clone(), object))
            .collect();
        for component in components {
            let stable = names::stable(&tenant.app.name, component);
            let Some(service) = services.remove(&stable) else {
                continue;
            };
            let step = tenant.planner(self.view).step(tenant.app, service, plan)?;
            plan.waves.push(step.into_iter().collect());
            if !plan.obstacles.is_empty() {
                // Those after it wait: the order is what keeps a request in one environment.
                break;
            }
        }
        // Somebody who moved one by hand is put right here, and not disputed with: a switch is no repair.
        plan.drift.clear();
        Ok(())
    }

    /// Notes on every stable Service what it must not select any more.
    fn seal(&self, environment: Environment, number: u64) -> Vec<Step> {
        let open = self.view.stable.iter().filter_map(|stable| {
            let seals = slices::seals(stable.service);
            (seals.of(environment) < number).then_some((stable.service, seals))
        });
        open.map(|(service, seals)| {
            let mut marks = Marks::default();
            let raised = seals.raised(environment, number);
            marks.annotate(keys::SEALED, &raised.to_string());
            Step::mark::<Service>(service, marks)
        })
        .collect()
    }

    /// Keeps what serves and what is being started as they should be, makes what is to be built, and removes what
    /// nothing needs: of workloads only those of the environment that is released.
    fn keep(
        &self,
        build: Option<(Environment, Attempt)>,
        release: Option<Environment>,
        pending: Pending<'_, '_>,
        plan: &mut Plan,
    ) -> Result<(), PlanError> {
        let (view, world) = (self.view, self.view.world);
        if let Err(unclear) = Request::of(&world.restapi) {
            plan.obstacles.push(Obstacle::AdoptionUnclear(unclear));
        }
        let notes = pending.steps();
        let record = record(view, plan)?;
        plan.waves.push(record);
        let mut wanted = BTreeSet::from([Target {
            kind: "ControllerRevision".to_owned(),
            name: view.record.name_any(),
        }]);
        let goal = build.and_then(|(_, attempt)| view.app_of(attempt.revision));
        for environment in Environment::ALL {
            let building = build.filter(|(home, _)| *home == environment);
            let attempt = building.map(|(_, attempt)| (attempt, goal.as_ref()));
            let tenant = match attempt {
                Some((attempt, app)) => app.map(|app| self.built(environment, attempt, app)),
                None if release == Some(environment) => None,
                None => tenant(view, self.situated, environment),
            };
            let Some(tenant) = tenant else { continue };
            if building.is_some() || tenant.serves || self.is_wanted(environment) {
                let stable = self.stable_of(&tenant);
                tenant.keep(view, &stable, &mut wanted, plan)?;
            } else {
                tenant.stop_workers(view, plan)?;
            }
        }
        if self.situated.situation.agreed().is_none() {
            // None is taken away before it is known where requests go.
            wanted.extend(view.stable.iter().map(|s| target_of(s.service)));
        }
        let stays = world.objects.iter().filter(|(kind, object)| {
            let environment = environment_of(object.as_ref());
            is_workload(kind) && (release.is_none() || environment != release)
        });
        wanted.extend(stays.map(|(kind, object)| Target {
            kind: kind.to_owned(),
            name: object.name_any(),
        }));
        self.jobs(&mut wanted, plan)?;
        plan.waves.push(notes);
        plan.waves.push(plan.replaces.values().cloned().collect());
        if build.is_none() {
            plan.waves
                .push(prune::surplus(view.app, wanted, world, kinds::written));
        }
        Ok(())
    }

    /// What an environment is to run for a new attempt.
    fn built<'c>(
        &self,
        environment: Environment,
        attempt: Attempt,
        app: &'c Application,
    ) -> Tenant<'c> {
        Tenant {
            environment,
            app,
            mark: AttemptMark {
                number: attempt.number,
                hash: app.revision.clone(),
            },
            serves: self.situated.situation.is_served_from(environment),
        }
    }

    /// Makes the Jobs of gates, and has those stay that are needed or have ended.
    fn jobs(&self, wanted: &mut BTreeSet<Target>, plan: &mut Plan) -> Result<(), PlanError> {
        let (view, s) = (self.view, &self.situated.situation);
        let gates = self.situated.gates.as_ref();
        let subject = gates.and_then(|_| subject(view, s, s.home(s.goal())));
        let mut steps = Vec::new();
        if let (Some(gates), Some(subject)) = (gates, &subject) {
            let planner = Planner {
                world: view.world,
                compare: Compare {
                    app: view.app,
                    environment: subject.environment,
                    attempt: None,
                },
            };
            for job in gates::desired(subject, gates)? {
                wanted.insert(job.draft.target());
                steps.extend(planner.step(subject.app, job, plan)?);
            }
        }
        let attempt = subject.map(|subject| subject.mark());
        wanted.extend(gates::kept(view.world, attempt.as_ref()));
        plan.waves.push(steps);
        Ok(())
    }

    /// Whether the environment runs what is to be served and is not given up, or inherits the stable Services.
    fn is_wanted(&self, environment: Environment) -> bool {
        let s = &self.situated.situation;
        let goal = s.goal();
        let is_goal = s.home(goal) == environment
            && s.side(environment).runs.revision() == Some(goal)
            && !s.is_sealed(environment);
        is_goal || (s.stable.is_empty() && self.heir() == environment)
    }

    /// The environment that stable Services are to select which are gone, or select nothing that is known: what serves
    /// by the others, and where there are none, what can.
    fn heir(&self) -> Environment {
        let s = &self.situated.situation;
        let home = s.home(s.goal());
        let is_taken =
            s.stable.is_empty() && s.side(home.other()).serves && !s.side(home).available;
        s.agreed()
            .unwrap_or(if is_taken { home.other() } else { home })
    }

    /// The components whose stable Services are to select this tenant: all, where it alone serves; else only those
    /// that it inherits. None is moved here.
    fn stable_of(&self, tenant: &Tenant<'_>) -> BTreeSet<ComponentName> {
        let mut all = with_port(tenant.app);
        if self.situated.situation.agreed() == Some(tenant.environment) {
            return all;
        }
        let is_heir = self.heir() == tenant.environment;
        all.retain(|name| {
            let selects = self.view.stable_of(*name).and_then(|stable| stable.selects);
            is_heir && selects.is_none()
        });
        all
    }
}

/// Which Service it is.
fn target_of(service: &DynamicObject) -> Target {
    Target {
        kind: "Service".to_owned(),
        name: service.name_any(),
    }
}
