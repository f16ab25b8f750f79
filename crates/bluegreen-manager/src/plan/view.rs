//! What there is of an application, environment by environment: read off the objects, nothing concluded yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use restapi_resources::{Application, Component};
use restapi_types::spec::blue_green::BlueGreenSpec;
use restapi_types::{AttemptMark, ComponentName, Environment, keys};
use workloads::counts::{self, Counts};
use workloads::plan::{Rollback, held, history};
use workloads::world::{World, attempt_of, environment_of, selected};

use super::gates::Tried;
use super::recognise::recognise;
use super::situation::{Attempt, Revision, Runs};
use super::slices;

/// One workload of an environment.
#[derive(Clone, Debug)]
pub struct Run {
    /// Of which component.
    pub component: ComponentName,
    /// The attempt that it was made for, where it says so.
    pub mark: Option<AttemptMark>,
    /// What it says about its pods.
    pub counts: Counts,
    /// Since when its pods are of its newest template.
    pub deployed_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

impl Run {
    /// Whether it has a pod that is ready, or none is asked for.
    #[must_use]
    pub const fn serves(&self) -> bool {
        self.counts.wanted == 0 || self.counts.ready > 0
    }
}

/// One environment.
#[derive(Clone, Debug)]
pub struct SideView {
    /// What it runs, with the number of its revision.
    pub runs: Runs,
    /// The hash of that revision.
    pub hash: Option<String>,
    /// The application as it was in that revision, where its record is there.
    pub app: Option<Application>,
    /// Its workloads.
    pub workloads: Vec<Run>,
    /// Whether a workload does not say yet which attempt it belongs to: another manager made it.
    pub is_unmarked: bool,
    /// Whether it has pods, or its Services endpoints: ending ones included.
    pub has_endpoints: bool,
}

/// One stable Service that exists.
#[derive(Clone, Debug)]
pub struct StableView<'a> {
    /// Of which component.
    pub component: ComponentName,
    /// The object.
    pub service: &'a DynamicObject,
    /// The environment that it selects; none where somebody changed that to something else.
    pub selects: Option<Environment>,
    /// Whether its endpoints are pods of that environment and no others.
    pub converged: bool,
}

/// Everything that the plan of one application reads.
pub struct View<'a> {
    /// The application as its spec asks for it.
    pub app: &'a Application,
    /// How it wants revisions to be replaced.
    pub spec: BlueGreenSpec,
    /// Everything that was seen.
    pub world: &'a World,
    /// What tries of its gates have shown that may not stand on its records yet.
    pub tried: &'a [Tried],
    /// The records of its revisions.
    pub records: Vec<Arc<ControllerRevision>>,
    /// The record of the revision that the spec asks for, as it should be.
    pub record: ControllerRevision,
    /// Whether an order to go back, or a mark, holds that revision back.
    pub order: Rollback,
    /// Its stable Services.
    pub stable: Vec<StableView<'a>>,
    /// Blue.
    pub blue: SideView,
    /// Green.
    pub green: SideView,
}

/// The number of a revision as decisions know it.
#[must_use]
pub fn number(record: i64) -> Revision {
    Revision::try_from(record).unwrap_or_default()
}

impl<'a> View<'a> {
    /// What there is of `app`.
    #[must_use]
    pub fn new(
        app: &'a Application,
        spec: BlueGreenSpec,
        world: &'a World,
        tried: &'a [Tried],
    ) -> Self {
        let records = world.records();
        let (_, record) = history::record(app, &records);
        let order = held::rollback(&world.restapi, app, &records);
        let seen = Seen {
            app,
            world,
            records: &records,
            asked: &record,
        };
        let stable = seen.stable();
        let [blue, green] = Environment::ALL.map(|environment| seen.side(environment));
        Self {
            app,
            spec,
            world,
            tried,
            records,
            record,
            order,
            stable,
            blue,
            green,
        }
    }

    /// The number of the revision that the spec asks for.
    #[must_use]
    pub fn asked(&self) -> Revision {
        number(self.record.revision)
    }

    /// One environment.
    #[must_use]
    pub const fn side(&self, environment: Environment) -> &SideView {
        match environment {
            Environment::Blue => &self.blue,
            Environment::Green => &self.green,
        }
    }

    /// The record of a revision, as it is.
    #[must_use]
    pub fn record_of(&self, revision: Revision) -> Option<&Arc<ControllerRevision>> {
        let own = self.record.name_any();
        self.records.iter().find(|record| {
            if record.name_any() == own {
                self.asked() == revision
            } else {
                number(record.revision) == revision
            }
        })
    }

    /// The application as it was in a revision.
    #[must_use]
    pub fn app_of(&self, revision: Revision) -> Option<Application> {
        if revision == self.asked() {
            return Some(self.app.clone());
        }
        held::again(self.app, self.record_of(revision)?).ok()
    }

    /// The stable Services by which it is decided: those of components that every revision has which runs or is asked
    /// for. One that a revision adds is made with its switch, and one that it drops goes after it.
    #[must_use]
    pub fn deciding(&self) -> BTreeSet<ComponentName> {
        let apps = [&self.blue, &self.green].map(|side| side.app.as_ref());
        let mut all = with_port(self.app);
        let own = all.clone();
        for app in apps.into_iter().flatten() {
            let others = with_port(app);
            all.retain(|name| others.contains(name));
        }
        if all.is_empty() { own } else { all }
    }

    /// The stable Service of a component.
    #[must_use]
    pub fn stable_of(&self, component: ComponentName) -> Option<&StableView<'a>> {
        self.stable.iter().find(|s| s.component == component)
    }
}

/// The components of `app` that have a Service.
#[must_use]
pub fn with_port(app: &Application) -> BTreeSet<ComponentName> {
    let components = app.components.iter();
    let served = components.filter(|c: &&Component| c.port.is_some());
    served.map(|c| c.name).collect()
}

struct Seen<'a, 'b> {
    app: &'a Application,
    world: &'a World,
    records: &'b [Arc<ControllerRevision>],
    asked: &'b ControllerRevision,
}

impl<'a> Seen<'a, '_> {
    fn stable(&self) -> Vec<StableView<'a>> {
        let services = self.world.stable_services(self.app);
        let views = services.filter_map(|service| {
            let name = service.labels().get(keys::COMPONENT)?;
            let selects = selected(service);
            Some(StableView {
                component: ComponentName::of(name)?,
                service,
                selects,
                converged: selects.is_some_and(|e| slices::converged(self.world, service, e)),
            })
        });
        let mut all: Vec<_> = views.collect();
        all.sort_by_key(|view| view.component);
        all
    }

    fn side(&self, environment: Environment) -> SideView {
        let mut workloads: Vec<_> = self
            .world
            .workloads_in(environment)
            .filter(|(_, workload)| workload.metadata.deletion_timestamp.is_none())
            .map(|(component, workload)| run(component, workload))
            .collect();
        workloads.sort_by_key(|run| run.component);
        let is_unmarked = workloads.iter().any(|run| run.mark.is_none());
        // Those of gates' Jobs ask, and answer nobody.
        let is_in = |pod: &&Arc<Pod>| {
            environment_of(pod.as_ref()) == Some(environment)
                && !pod.labels().contains_key(keys::GATE)
        };
        let has_pods = self.world.live_pods().any(|pod| is_in(&pod));
        let mut side = SideView {
            runs: Runs::Nothing,
            hash: None,
            app: None,
            is_unmarked,
            has_endpoints: has_pods || slices::has_any(self.world, environment),
            workloads,
        };
        if side.workloads.is_empty() {
            return side;
        }
        if is_unmarked {
            self.recognised(environment, &mut side);
        } else {
            self.marked(&mut side);
        }
        side
    }

    /// The environment belongs to the attempt of the workload that others call first: it is the first that is made,
    /// and only one writer can make it.
    fn marked(&self, side: &mut SideView) {
        let Some(mark) = side.workloads.iter().find_map(|run| run.mark.clone()) else {
            return;
        };
        let attempt = Attempt {
            number: mark.number,
            revision: self.number_of(&mark.hash),
        };
        side.app = self.app_of(&mark.hash);
        let is_there = |name: ComponentName| side.workloads.iter().any(|r| r.component == name);
        let mut components = side.app.iter().flat_map(|app| &app.components);
        let is_all = components.all(|component| is_there(component.name))
            && side
                .workloads
                .iter()
                .all(|r| r.mark.as_ref() == Some(&mark));
        side.runs = if is_all {
            Runs::All(attempt)
        } else {
            Runs::Parts(attempt)
        };
        side.hash = Some(mark.hash);
    }

    /// What another manager made is known by its pod templates. It is as good as a revision that is being made in
    /// place, until its workloads say what they are.
    fn recognised(&self, environment: Environment, side: &mut SideView) {
        let app = recognise(self.app, self.records, self.world, environment);
        let hash = app.revision.clone();
        let marks = side.workloads.iter().filter_map(|run| run.mark.as_ref());
        let known = marks.clone().find(|mark| mark.hash == hash);
        let number = known.map_or_else(|| self.last_number() + 1, |mark| mark.number);
        side.runs = Runs::Parts(Attempt {
            number,
            revision: self.number_of(&hash),
        });
        side.hash = Some(hash);
        side.app = Some(app);
    }

    /// The greatest number of any attempt so far, and of any seal.
    fn last_number(&self) -> u64 {
        let environments = Environment::ALL.into_iter();
        let workloads = environments.flat_map(|e| self.world.workloads_in(e));
        let marks = workloads.filter_map(|(_, workload)| Some(attempt_of(workload)?.number));
        let seals = self.world.stable_services(self.app).map(|service| {
            let seals = slices::seals(service);
            seals.blue.max(seals.green)
        });
        marks.chain(seals).max().unwrap_or_default()
    }

    fn app_of(&self, hash: &str) -> Option<Application> {
        if hash == self.app.revision {
            return Some(self.app.clone());
        }
        held::again(self.app, history::of_hash(self.app, self.records, hash)?).ok()
    }

    /// The number of a revision; 0, which no revision has, where its record is gone.
    fn number_of(&self, hash: &str) -> Revision {
        if hash == self.app.revision {
            return number(self.asked.revision);
        }
        let record = history::of_hash(self.app, self.records, hash);
        record.map_or(0, |record| number(record.revision))
    }
}

fn run(component: ComponentName, workload: &DynamicObject) -> Run {
    Run {
        component,
        mark: attempt_of(workload),
        counts: Counts::of(workload),
        deployed_at: counts::deployed_at(workload),
        created_at: workload.metadata.creation_timestamp.as_ref().map(|t| t.0),
    }
}
