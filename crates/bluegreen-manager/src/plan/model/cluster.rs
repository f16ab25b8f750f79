//! A cluster as small as can be, and what writes do to it.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use restapi_types::Environment::{self, Blue, Green};
use restapi_types::Seals;
use restapi_types::spec::blue_green::OnNewRevision;

use super::fault::Fault;
use crate::plan::decide::{Next, Order};
use crate::plan::situation::{
    Attempt, Gated, Held, Retention, Revision, Runs, Side, Situation, Stable,
};

pub(super) const COMPONENTS: usize = 2;

/// What a manager may find that no write shows: the time, and what came of gates.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hour {
    pub(super) is_retention_over: bool,
    pub(super) is_late: bool,
    pub(super) gated: Gated,
}

impl Hour {
    /// Everything that can make a difference.
    pub(super) fn all() -> [Self; 4] {
        let none = Self::default();
        [
            none,
            Self::retained(),
            Self {
                is_late: true,
                ..none
            },
            Self {
                gated: Gated::Failed,
                ..none
            },
        ]
    }

    /// The retention is over.
    pub(super) fn retained() -> Self {
        Self {
            is_retention_over: true,
            ..Self::default()
        }
    }
}

/// One stable Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Service {
    pub(super) selects: Environment,
    pub(super) seals: Seals,
    pub(super) is_ours: bool,
}

/// One workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Workload {
    pub(super) attempt: Attempt,
    pub(super) is_ready: bool,
}

/// What is in one environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) workloads: [Option<Workload>; COMPONENTS],
    /// The attempts of pods that are ending, a bit for each.
    pub(super) ending: u16,
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Does {
    Own(usize),
    Select(usize, Environment),
    Seal(usize, Environment, u64),
    Create(Environment, usize, Attempt),
    Apply(Environment, usize, Attempt),
    Delete(Environment, usize),
    Hold(Held),
}

/// An object with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Service(usize),
    Workload(Environment, usize),
}

impl Does {
    pub(super) const fn object(self) -> Option<Object> {
        match self {
            Self::Own(i) | Self::Select(i, _) | Self::Seal(i, ..) => Some(Object::Service(i)),
            Self::Create(e, i, _) | Self::Apply(e, i, _) | Self::Delete(e, i) => {
                Some(Object::Workload(e, i))
            }
            Self::Hold(_) => None,
        }
    }
}

/// A write, and whether its object is no longer as it was when it was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Write {
    pub(super) does: Does,
    pub(super) is_late: bool,
}

/// What may still happen by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Luck {
    pub(super) crashes: u8,
    pub(super) failures: u8,
    pub(super) rollbacks: u8,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) services: [Service; COMPONENTS],
    pub(super) places: [Place; 2],
    pub(super) asked: Revision,
    pub(super) held: Vec<Held>,
    pub(super) luck: Luck,
    /// What each manager has planned and not yet written.
    pub(super) planned: [VecDeque<Write>; 2],
}

pub(super) fn bit(attempt: Attempt) -> u16 {
    1 << attempt.number
}

pub(super) fn index(environment: Environment) -> usize {
    usize::from(environment == Green)
}

impl World {
    pub(super) fn born() -> Self {
        let service = Service {
            selects: Blue,
            seals: Seals::default(),
            is_ours: false,
        };
        let workload = Workload {
            attempt: Attempt {
                number: 1,
                revision: 1,
            },
            is_ready: true,
        };
        let blue = Place {
            workloads: [Some(workload); COMPONENTS],
            ending: 0,
        };
        Self {
            services: [service; COMPONENTS],
            places: [blue, Place::default()],
            asked: 1,
            held: Vec::new(),
            luck: Luck {
                crashes: 1,
                failures: 1,
                rollbacks: 1,
            },
            planned: [VecDeque::new(), VecDeque::new()],
        }
    }

    pub(super) fn side(&self, environment: Environment) -> Side {
        let place = &self.places[index(environment)];
        let present: Vec<_> = place.workloads.iter().flatten().collect();
        let all = |test: &dyn Fn(&Workload) -> bool| {
            present.len() == COMPONENTS && present.iter().all(|w| test(w))
        };
        // The first workload has the environment, while it is there.
        let first = place.workloads[0].map(|w| w.attempt);
        let attempt = first.or(present.iter().map(|w| w.attempt).max());
        let is_pure = place.ending & !attempt.map_or(0, bit) == 0;
        let runs = match attempt {
            None => Runs::Nothing,
            Some(attempt) if all(&|w| w.attempt == attempt) => Runs::All(attempt),
            Some(attempt) => Runs::Parts(attempt),
        };
        Side {
            runs,
            serves: all(&|w| w.is_ready) && is_pure,
            available: all(&|w| w.is_ready) && is_pure,
            has_endpoints: place.ending != 0 || !present.is_empty(),
        }
    }

    pub(super) fn situation(&self, hour: Hour) -> Situation {
        Situation {
            stable: self
                .services
                .iter()
                .map(|s| Stable {
                    selects: s.selects,
                    converged: true,
                    seals: s.seals,
                    is_ours: s.is_ours,
                })
                .collect(),
            services: COMPONENTS,
            blue: self.side(Blue),
            green: self.side(Green),
            asked: self.asked,
            held: self.held.clone(),
            is_approved: true,
            gated: hour.gated,
            retention: if hour.is_retention_over {
                Retention::Over
            } else {
                Retention::Drained
            },
            on_new_revision: OnNewRevision::Release,
            is_late: hour.is_late,
        }
    }

    /// The writes of a step.
    pub(super) fn writes(&self, next: Next, fault: Fault) -> VecDeque<Write> {
        let services = || 0..COMPONENTS;
        let all: Vec<Does> = match next {
            Next::TakeOver => services().map(Does::Own).collect(),
            Next::Switch(to, order) => {
                let mut all: Vec<_> = services()
                    .filter(|i| self.services[*i].selects != to)
                    .map(|i| Does::Select(i, to))
                    .collect();
                if order == Order::EdgeFirst {
                    all.reverse();
                }
                all
            }
            Next::Seal(environment, number) => services()
                .filter(|i| self.services[*i].seals.of(environment) < number)
                .map(|i| Does::Seal(i, environment, number))
                .collect(),
            Next::Build(environment, attempt) => {
                let place = &self.places[index(environment)];
                let all = services().filter_map(|i| match place.workloads[i] {
                    None => Some(Does::Create(environment, i, attempt)),
                    Some(w) if w.attempt == attempt => None,
                    Some(_) => Some(Does::Apply(environment, i, attempt)),
                });
                let all = all.filter(|does| {
                    fault != Fault::HalfBuilt || !matches!(does, Does::Create(_, 1, _))
                });
                all.collect()
            }
            Next::Release(environment) => {
                let workloads = self.places[index(environment)].workloads;
                let present = services().rev().filter(|i| workloads[*i].is_some());
                present.map(|i| Does::Delete(environment, i)).collect()
            }
            Next::Hold(held) => vec![Does::Hold(held)],
            Next::Wait(_) | Next::Rest => Vec::new(),
        };
        let write = |does| Write {
            does,
            is_late: false,
        };
        all.into_iter().map(write).collect()
    }

    /// Whether the write happened; else somebody was faster.
    pub(super) fn carry_out(&mut self, write: Write, fault: Fault) -> bool {
        let is_forced = match write.does.object() {
            Some(Object::Service(_)) => fault == Fault::NoPrecondition,
            Some(Object::Workload(..)) => fault == Fault::NoUid,
            None => false,
        };
        if write.is_late && !is_forced {
            return false;
        }
        match write.does {
            Does::Own(i) => self.services[i].is_ours = true,
            Does::Select(i, to) => self.services[i].selects = to,
            Does::Seal(i, Blue, number) => self.services[i].seals.blue = number,
            Does::Seal(i, Green, number) => self.services[i].seals.green = number,
            Does::Apply(environment, i, attempt) => {
                let place = &mut self.places[index(environment)];
                let Some(workload) = &mut place.workloads[i] else {
                    return false;
                };
                place.ending |= bit(workload.attempt);
                *workload = Workload {
                    attempt,
                    is_ready: false,
                };
            }
            Does::Create(environment, i, attempt) => {
                let workload = &mut self.places[index(environment)].workloads[i];
                if workload.is_some() {
                    return false;
                }
                *workload = Some(Workload {
                    attempt,
                    is_ready: false,
                });
            }
            Does::Delete(environment, i) => {
                let place = &mut self.places[index(environment)];
                let Some(gone) = place.workloads[i].take() else {
                    return false;
                };
                place.ending |= bit(gone.attempt);
            }
            Does::Hold(held) => {
                if !self.held.contains(&held) {
                    self.held.push(held);
                }
            }
        }
        self.outdate(write.does.object());
        true
    }

    /// What is planned for an object that was written comes too late.
    pub(super) fn outdate(&mut self, object: Option<Object>) {
        for write in self.planned.iter_mut().flatten() {
            // Creating needs no version: it fails where something is.
            let needs_version = !matches!(write.does, Does::Create(..));
            write.is_late |= needs_version && object.is_some() && write.does.object() == object;
        }
    }

    /// The same with nothing planned, and pods that are all well.
    pub(super) fn alone(&self) -> Self {
        let mut alone = self.clone();
        alone.planned = [VecDeque::new(), VecDeque::new()];
        (
            alone.luck.crashes,
            alone.luck.failures,
            alone.luck.rollbacks,
        ) = (0, 0, 0);
        alone.make_well();
        alone
    }

    pub(super) fn make_well(&mut self) {
        for place in &mut self.places {
            place.ending = 0;
            for workload in place.workloads.iter_mut().flatten() {
                workload.is_ready = true;
            }
        }
    }

    /// The two managers are alike: which of them planned what makes no difference.
    pub(super) fn ordered(mut self) -> Self {
        if self.planned[1] < self.planned[0] {
            self.planned.swap(0, 1);
        }
        self
    }

    /// What must never be.
    pub(super) fn check(&self) -> Result<(), String> {
        for (i, service) in self.services.iter().enumerate() {
            let place = &self.places[index(service.selects)];
            if place.workloads[i].is_none() {
                return Err(format!(
                    "component {i} is sent to {}, where it is not",
                    service.selects
                ));
            }
            let revisions = place.workloads.iter().flatten().map(|w| w.attempt.revision);
            if revisions.collect::<HashSet<_>>().len() > 1 {
                return Err(format!(
                    "{} is selected and runs two revisions",
                    service.selects
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self
            .services
            .map(|s| format!("{} sealed {}/{}", s.selects, s.seals.blue, s.seals.green));
        let place = |p: &Place| {
            let workloads = p
                .workloads
                .map(|w| w.map(|w| (w.attempt.number, w.attempt.revision, w.is_ready)));
            format!("{workloads:?} ending {:b}", p.ending)
        };
        let planned = self.planned.each_ref().map(|queue| {
            let writes = queue
                .iter()
                .map(|w| format!("{:?}{}", w.does, if w.is_late { " late" } else { "" }));
            writes.collect::<Vec<_>>()
        });
        write!(
            f,
            "asked {} held {:?} | {services:?} | blue {} | green {} | {planned:?} | {:?}",
            self.asked,
            self.held,
            place(&self.places[0]),
            place(&self.places[1]),
            self.luck
        )
    }
}
