//! Decides what to write. Pure: the same world at the same time gives the same plan.
//!
//! | module | what it gives |
//! |---|---|
//! | [`view`], [`times`] | what there is of an application, environment by environment, and since when |
//! | [`situate`], [`situation`] | where it stands, without objects |
//! | [`command`] | what people ask for |
//! | [`decide`] | what to do next |
//! | [`desired`], [`marks`] | that, as writes |
//!
//! bluegreen-manager never writes: pods, Secrets, autoscalers, accounts, policies, routes, the spec of a `RestAPI`, or
//! anything of an application that does not have blue/green on.

pub mod command;
pub mod decide;
pub mod desired;
pub mod marks;
mod recognise;
mod replicas;
pub mod situate;
pub mod situation;
mod slices;
pub mod times;
pub mod view;

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use manager_kit::cache::version;
use manager_kit::tracker::Target;
use manager_kit::writer::Write;
use restapi_resources::Application;
use restapi_types::spec::blue_green::BlueGreenSpec;
use restapi_types::{AttemptMark, ComponentName, Environment, keys};
use workloads::adoption::Request;
use workloads::kinds::{Role, is_workload, of_workloads};
use workloads::plan::desired::{Desired, Stage};
use workloads::plan::turn::{Turn, turn};
use workloads::plan::{Obstacle, Plan, PlanError, Rollback, Step, held, prune};
use workloads::world::World;

use command::Answer;
use decide::{Next, Order, decide};
use desired::Tenant;
use marks::Pending;
use situate::{Situated, situate};
use situation::{Attempt, Runs};
use view::{View, with_port};

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
}

/// Decides for `app`, which `world` describes, at `now`.
///
/// # Errors
/// [`PlanError`] when an object can't be written as JSON, which no rendered object is.
pub fn think<'a>(
    app: &'a Application,
    spec: &BlueGreenSpec,
    world: &'a World,
    now: Timestamp,
) -> Result<Thought<'a>, PlanError> {
    let view = View::new(app, spec.clone(), world);
    let mut situated = situate(&view, now);
    let mut plan = Plan {
        revision_number: view.record.revision,
        rollback: view.order.clone(),
        ..Plan::default()
    };
    let mut next = None;
    match turn(app, world, WRITER) {
        Turn::Of(_) => {}
        Turn::TakeOver(notes) => plan.waves.push(notes),
        Turn::Ours if view.blue.is_unmarked || view.green.is_unmarked => {
            recognised(&view, &situated, &mut plan)?;
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
            act.write(decided, answer.as_ref(), &mut plan)?;
            next = Some(decided);
        }
    }
    plan.waves.retain(|wave| !wave.is_empty());
    Ok(Thought {
        view,
        situated,
        next,
        plan,
    })
}

/// Has what another manager made say which attempt it belongs to.
fn recognised(view: &View<'_>, situated: &Situated, plan: &mut Plan) -> Result<(), PlanError> {
    if view.world.restapi.spec.paused == Some(true) {
        plan.is_paused = true;
        return Ok(());
    }
    let record = record(view, plan)?;
    plan.waves.push(record);
    for environment in Environment::ALL {
        let side = view.side(environment);
        if let (Some(tenant), true) = (tenant(view, situated, environment), side.is_unmarked) {
            tenant.keep(view, &BTreeSet::new(), &mut BTreeSet::new(), plan)?;
        }
    }
    Ok(())
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
        serves: situated.situation.is_selected(environment) || situated.situation.services == 0,
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
    let planner = workloads::plan::planner::Planner {
        world: view.world,
        compare: workloads::plan::compare::Compare {
            app: view.app,
            environment: Environment::default(),
            attempt: None,
        },
    };
    let step = planner.step(view.app, desired, plan)?;
    Ok(step.into_iter().collect())
}

/// Turns what was decided into writes.
struct Act<'a, 'b> {
    view: &'b View<'a>,
    situated: &'b Situated,
    now: Timestamp,
}

impl Act<'_, '_> {
    fn write(&self, next: Next, answer: Option<&Answer>, plan: &mut Plan) -> Result<(), PlanError> {
        let mut pending = Pending::new(self.view);
        if let Some(answer) = answer {
            pending.answer(answer, self.now);
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
                let why = crate::words::given_up(self.view, self.situated, held);
                pending.hold(held, &why);
                plan.waves.push(pending.steps());
                Ok(())
            }
            // The notes come before.
            Next::TakeOver => Ok(()),
            Next::Build(home, attempt) => self.keep(Some((home, attempt)), None, pending, plan),
            Next::Release(environment) => self.keep(None, Some(environment), pending, plan),
            Next::Wait(_) | Next::Rest => {
                pending.converged(self.situated, self.now);
                self.keep(None, None, pending, plan)
            }
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
        for component in components {
            let desired = tenant.desired(self.view, &BTreeSet::from([component]))?;
            let mut stable = desired.into_iter().filter(|object| {
                object.draft.resource.kind == "Service"
                    && object.component == Some(component)
                    && object.draft.name
                        == restapi_types::names::stable(&tenant.app.name, component)
            });
            let Some(service) = stable.next() else {
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
            let mut marks = manager_kit::writer::Marks::default();
            let raised = seals.raised(environment, number);
            marks.annotate(keys::SEALED, &raised.to_string());
            let resource = ApiResource::erase::<Service>(&());
            let target = target_of(service);
            Step {
                role: Role::Workloads,
                write: Write::Mark(resource, target, version(service), marks),
            }
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
            let tenant = match (building, &goal) {
                (Some((_, attempt)), Some(app)) => Some(Tenant {
                    environment,
                    app,
                    mark: AttemptMark {
                        number: attempt.number,
                        hash: app.revision.clone(),
                    },
                    serves: self.serves(environment),
                }),
                (Some(_), None) => None,
                (None, _) => tenant(view, self.situated, environment)
                    .filter(|_| release != Some(environment))
                    .filter(|tenant| tenant.serves || self.is_wanted(environment)),
            };
            if let Some(tenant) = tenant {
                let stable = self.stable_of(&tenant);
                tenant.keep(view, &stable, &mut wanted, plan)?;
            }
        }
        if self.situated.situation.agreed().is_none() {
            // None is taken away before it is known where requests go.
            wanted.extend(view.stable.iter().map(|s| target_of(s.service)));
        }
        let stays = world.objects.iter().filter(|(kind, object)| {
            let environment = workloads::world::environment_of(object.as_ref());
            is_workload(kind) && (release.is_none() || environment != release)
        });
        wanted.extend(stays.map(|(kind, object)| Target {
            kind: kind.to_owned(),
            name: object.name_any(),
        }));
        plan.waves.push(notes);
        plan.waves.push(plan.replaces.values().cloned().collect());
        if build.is_none() {
            plan.waves
                .push(prune::surplus(view.app, wanted, world, of_workloads));
        }
        Ok(())
    }

    fn serves(&self, environment: Environment) -> bool {
        let s = &self.situated.situation;
        s.is_selected(environment) || s.services == 0
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

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
