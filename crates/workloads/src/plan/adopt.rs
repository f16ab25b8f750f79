//! Taking over a stable Service that served before: first as it is, then, when the application's own pods
//! serve, by moving its selector, and last by scaling what served before to 0.
//!
//! Each step follows from the Service, from the record on it, and from what is there; none from what was planned
//! before. The record goes with the write that it is about, so that no crash comes between the two.

mod drain;
mod fit;
mod ports;

use std::collections::BTreeMap;

use crate::adoption::{Record, Request};
use crate::counts::Counts;
use crate::plan::compare::{Claim, set};
use crate::plan::{Obstacle, Plan, PlanError};
use crate::world::World;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use manager_kit::tracker::Target;
use manager_kit::writer::Draft;
use restapi_resources::{Application, Component};
use restapi_types::{Environment, keys, names};
use serde_json::Value;

/// One stable Service that exists.
pub(crate) struct Stable<'a> {
    pub(crate) app: &'a Application,
    pub(crate) component: &'a Component,
    pub(crate) environment: Environment,
    pub(crate) world: &'a World,
    pub(crate) live: &'a DynamicObject,
}

impl<'a> Stable<'a> {
    /// The stable Service of `component`, if it exists.
    pub(crate) fn of(
        app: &'a Application,
        component: &'a Component,
        environment: Environment,
        world: &'a World,
    ) -> Option<Self> {
        let name = names::stable(&app.name, component.name);
        let live = world.objects.get("Service", &name)?;
        Some(Self {
            app,
            component,
            environment,
            world,
            live,
        })
    }

    /// The record of a Service that is, was, or is to be taken over; nothing for any other.
    fn record(&self) -> Option<Record> {
        if self.live.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let owners = self.live.owner_references();
        match owners.iter().find(|o| o.controller == Some(true)) {
            Some(owner) if owner.uid == self.app.uid => Record::on(self.live),
            None if self.is_asked_for() => {
                Some(Record::on(self.live).unwrap_or_else(|| Record::before(self.live)))
            }
            Some(_) | None => None,
        }
    }

    fn is_asked_for(&self) -> bool {
        let request = Request::of(&self.world.restapi).unwrap_or_default();
        request.includes(self.component.name)
    }

    fn target(&self) -> Target {
        Target {
            kind: "Service".to_owned(),
            name: self.live.name_any(),
        }
    }

    /// Makes `draft` say what the Service is to say at this step of its adoption.
    pub(crate) fn settle(&self, draft: &mut Draft, plan: &mut Plan) -> Result<Claim, PlanError> {
        let Some(mut record) = self.record() else {
            return Ok(Claim::Ordinary);
        };
        if self.was_never_anothers(draft) {
            record.selector = None;
        }
        if record.is_open() && record.moved.is_none() && !self.selects_ours(draft) {
            return self.hold_or_move(draft, plan);
        }
        if record.is_open() {
            // Also where somebody moved it by hand.
            record.moved = record.moved.or(self.now());
            self.follow(&mut record, draft, plan);
        }
        self.finish(record, draft)
    }

    /// Before the selector moves: the Service is ours, and serves as it did.
    fn hold_or_move(&self, draft: &mut Draft, plan: &mut Plan) -> Result<Claim, PlanError> {
        // Not what an earlier record says: somebody may have changed it since it was taken.
        let mut record = Record::before(self.live);
        if let Some(why) = fit::lacks(self.component, draft, self.live) {
            plan.obstacles
                .push(Obstacle::NotAdoptable(self.target(), why));
            if Record::on(self.live).is_none() {
                return Ok(Claim::Left);
            }
        } else if let Some(waits) = self.waits_for() {
            plan.obstacles.push(waits);
        } else {
            record.moved = self.now();
            return self.finish(record, draft);
        }
        if let Some(body) = draft.body.as_object_mut() {
            // What is not named stays as it is.
            body.remove("spec");
        }
        note(draft, &record)?;
        Ok(Claim::Taken)
    }

    /// What has to be before the selector may move, if anything.
    fn waits_for(&self) -> Option<Obstacle> {
        let waits = |why: &str, is_soon| {
            let why = format!("selects the pods that it selected before, until {why}");
            Some(Obstacle::Adopting(self.target(), why, is_soon))
        };
        let Some(adoption) = &self.world.adoption else {
            return waits("it is known what is behind it", true);
        };
        if adoption.behind(&self.live.name_any()).all.is_empty() {
            // It serves nothing that could be lost.
            return None;
        }
        let workload = self
            .world
            .workload(self.app, self.component, self.environment);
        if !workload.is_some_and(|w| Counts::of(w).is_available()) {
            return waits("those of this RestAPI are available", false);
        }
        if adoption.behind(&self.coloured()).ready.is_empty() {
            let why = format!(
                "the Service {} has one that serves, which needs at least one replica",
                self.coloured()
            );
            return waits(&why, true);
        }
        None
    }

    /// After the selector moved: waits until nobody asks the old pods, then scales them to 0.
    fn follow(&self, record: &mut Record, draft: &Draft, plan: &mut Plan) {
        let Some(adoption) = &self.world.adoption else {
            return;
        };
        let drain::Pending { going, waits } = drain::pending(adoption, record, &self.app.uid);
        if record.converged.is_some() && going.is_empty() && !waits {
            if !self.is_asked_for() {
                record.selector = None;
            }
            return;
        }
        let behind = adoption.behind(&self.live.name_any()).all;
        let ours = adoption.behind(&self.coloured()).all;
        let strangers: Vec<_> = behind.difference(&ours).cloned().collect();
        let why = if !self.selects_ours(draft) || !strangers.is_empty() {
            record.converged = None;
            format!(
                "its EndpointSlices still hold the pods of others: {}; they go by themselves, but for slices that somebody made by hand: delete these",
                strangers.join(", ")
            )
        } else {
            record.converged = record.converged.or(self.now());
            for deployment in going {
                let step = drain::step(deployment, &self.live.name_any());
                plan.replaces.insert(step.write.target().name, step);
            }
            "what it selected before is given time to end its connections, and is then scaled to 0"
                .to_owned()
        };
        let why = format!("selects the pods of this RestAPI; {why}");
        plan.obstacles
            .push(Obstacle::Adopting(self.target(), why, true));
    }

    /// The whole Service as the application wants it, with the names that its ports had.
    fn finish(&self, mut record: Record, draft: &mut Draft) -> Result<Claim, PlanError> {
        let differ = ports::keep_names(draft, &record, self.live);
        if !record.is_open() {
            let ports = if differ {
                record.ports
            } else {
                BTreeMap::new()
            };
            record = Record {
                ports,
                ..Record::default()
            };
        }
        if record != Record::default() {
            note(draft, &record)?;
        }
        Ok(Claim::Taken)
    }

    /// What keeps the pods of a workload from being made: the Service still selects what it did, these pods are among
    /// that by their labels, and it would send requests to a port on which they don't listen.
    pub(crate) fn endangers(&self, workload: &Draft) -> Option<Obstacle> {
        let record = self.record()?;
        let labels = workload.body.pointer("/spec/template/metadata/labels")?;
        let labels: BTreeMap<String, String> = serde_json::from_value(labels.clone()).ok()?;
        let has_moved = !record.is_open() || record.moved.is_some();
        if has_moved || !Record::before(self.live).selected(Some(&labels)) {
            return None;
        }
        let why = fit::misses(self.component, self.live)?;
        Some(Obstacle::NotAdoptable(self.target(), why))
    }

    /// Whether `draft` is of this Service.
    pub(crate) fn is(&self, draft: &Draft) -> bool {
        draft.target() == self.target()
    }

    /// Whether the Service selected this application's pods before it was taken over: nothing has to move.
    fn was_never_anothers(&self, draft: &Draft) -> bool {
        Record::on(self.live).is_none() && self.selects_ours(draft)
    }

    fn selects_ours(&self, draft: &Draft) -> bool {
        const SELECTOR: &str = "/spec/selector";
        self.live.data.pointer(SELECTOR) == draft.body.pointer(SELECTOR)
    }

    fn coloured(&self) -> String {
        names::coloured(&self.app.name, self.component.name, self.environment)
    }

    fn now(&self) -> Option<jiff::Timestamp> {
        self.world.adoption.as_ref().map(|adoption| adoption.at)
    }
}

fn note(draft: &mut Draft, record: &Record) -> Result<(), PlanError> {
    let text = serde_json::to_string(record)?;
    set(&mut draft.body, "annotations", keys::ADOPTED, &text);
    Ok(())
}

/// Text at a JSON pointer.
fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer)?.as_str()
}
