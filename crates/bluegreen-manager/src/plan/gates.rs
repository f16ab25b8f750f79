//! What gates have come to, and what of them is to be tried next.
//!
//! Nothing is tried here: what a try showed comes from outside, and is a mark on the record before anything follows
//! from it. A Job shows by itself what it has come to. A gate that gives no answer has neither passed nor failed: it is
//! tried again until it has given none for `progressDeadlineSeconds`.

mod asked;
mod jobs;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use restapi_resources::Application;
use restapi_resources::gate_job::{Trial, hash};
use restapi_types::spec::gates::{GateSpec, Moment};
use restapi_types::status::GateState;
use restapi_types::{AttemptMark, Environment, GateMarks};

use super::clock::Clock;
use super::situation::{Attempt, Gated};
use super::view::View;

pub(crate) use jobs::obstacle;
pub(super) use jobs::{desired, kept};

/// The longest account of a try that is kept, in bytes.
const MAX_WHY: usize = 200;

/// Which gate, for which attempt, and as the spec had it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The number of the attempt.
    pub attempt: u64,
    /// When it is tried.
    pub moment: Moment,
    /// Its name.
    pub name: String,
    /// The hash of what the spec said of it.
    pub hash: String,
}

/// What a try showed, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What was to be.
    Passed(String),
    /// Something else.
    Failed(String),
    /// Nothing that could be judged.
    Unknown(String),
}

/// A try that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Of which gate.
    pub key: Key,
    /// When.
    pub at: Timestamp,
    /// What it showed.
    pub answer: Answer,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A component, at the address of its Service.
    Http {
        /// An address and a port: `10.0.0.7:3000`.
        address: String,
        /// The name of the Service, which the request bears as its host.
        host: String,
        /// The path.
        path: String,
    },
    /// Prometheus.
    Prometheus {
        /// In `PromQL`.
        query: String,
        /// The least that every value may be.
        min: Option<f64>,
        /// The most that every value may be.
        max: Option<f64>,
    },
    /// Nothing: the answer is known.
    Nothing(Answer),
}

/// A try that is to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Try {
    /// Of which gate.
    pub key: Key,
    /// What is asked.
    pub question: Question,
    /// How long that may take.
    pub timeout: Duration,
}

/// The gates of one attempt at one moment.
#[derive(Clone, Debug)]
pub struct Gates {
    /// The attempt.
    pub attempt: Attempt,
    /// The moment.
    pub moment: Moment,
    /// What they have come to together.
    pub gated: Gated,
    /// What is known of them by now, and of those of the other moment.
    pub marks: GateMarks,
    /// Whether that is more than the record says.
    pub is_news: bool,
    /// What is to be tried now.
    pub due: Vec<Try>,
    /// Those that are asked and have not ended.
    pub open: BTreeSet<Key>,
    /// Those whose Jobs are to be there.
    pub jobs: Vec<GateSpec>,
}

impl Gates {
    /// When the last of them passed.
    #[must_use]
    pub fn passed(&self) -> Option<Timestamp> {
        let marks = self.marks.at(self.moment).values();
        marks.map(|mark| mark.last).max()
    }
}

/// Of which attempt, where, and at what moment gates are looked at.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The application as it is in that revision.
    pub(super) app: &'a Application,
    /// The attempt.
    pub(super) attempt: Attempt,
    /// Where it runs.
    pub(super) environment: Environment,
    /// The moment.
    pub(super) moment: Moment,
    /// Whether what is asked is there: only then is anything begun. What was begun goes on.
    pub(super) may_begin: bool,
}

impl Subject<'_> {
    /// What its gates have come to; nothing where the spec has none.
    pub(super) fn look(&self, view: &View<'_>, clock: &mut Clock) -> Option<Gates> {
        let mut moments = Moment::ALL.into_iter();
        if moments.all(|moment| view.spec.gates(moment).is_empty()) {
            return None;
        }
        let Some(record) = view.record_of(self.attempt.revision) else {
            // Somebody deleted it. Nothing is tried before there is one again to write on.
            return Some(self.without_record(view));
        };
        let before = GateMarks::of(record.as_ref(), self.attempt.number);
        let mut gates = self.gates(before.clone());
        for gate in view.spec.gates(self.moment) {
            self.one(view, gate, clock, &mut gates);
        }
        // One that the spec no longer has says nothing any more.
        let specs = view.spec.gates(self.moment);
        let marks = gates.marks.at_mut(self.moment);
        marks.retain(|name, _| specs.iter().any(|gate| gate.name == *name));
        gates.is_news = gates.marks != before;
        Some(gates)
    }

    fn without_record(&self, view: &View<'_>) -> Gates {
        let is_gated = !view.spec.gates(self.moment).is_empty();
        Gates {
            gated: if is_gated {
                Gated::Pending
            } else {
                Gated::Passed
            },
            ..self.gates(GateMarks::default())
        }
    }

    const fn gates(&self, marks: GateMarks) -> Gates {
        Gates {
            attempt: self.attempt,
            moment: self.moment,
            gated: Gated::Passed,
            marks,
            is_news: false,
            due: Vec::new(),
            open: BTreeSet::new(),
            jobs: Vec::new(),
        }
    }

    fn one(&self, view: &View<'_>, gate: &GateSpec, clock: &mut Clock, gates: &mut Gates) {
        let known = gates.marks.at_mut(self.moment).remove(&gate.name);
        let known = known.filter(|mark| mark.hash == hash(gate));
        let mark = match &gate.job {
            Some(_) => self.job(view, gate, known, clock.now, gates),
            None => self.asked(view, gate, known, clock, gates),
        };
        let state = mark.as_ref().map_or(GateState::Running, |mark| mark.state);
        gates.gated = gates.gated.max(self.gated(state));
        if let Some(mark) = mark {
            let marks = gates.marks.at_mut(self.moment);
            marks.insert(gate.name.clone(), mark);
        }
    }

    /// What follows from one gate. One that gave no answer keeps a revision from serving; it does not take one back that
    /// serves already.
    const fn gated(&self, state: GateState) -> Gated {
        match (state, self.moment) {
            (GateState::Passed, _) | (GateState::Unknown, Moment::PostSwitch) => Gated::Passed,
            (GateState::Waiting | GateState::Running, _) => Gated::Pending,
            (GateState::Failed, _) | (GateState::Unknown, Moment::PreSwitch) => Gated::Failed,
        }
    }

    fn key(&self, gate: &GateSpec) -> Key {
        Key {
            attempt: self.attempt.number,
            moment: self.moment,
            name: gate.name.clone(),
            hash: hash(gate),
        }
    }

    /// As its Jobs bear it.
    pub(super) fn mark(&self) -> AttemptMark {
        AttemptMark {
            number: self.attempt.number,
            hash: self.app.revision.clone(),
        }
    }

    const fn trial<'a>(&'a self, mark: &'a AttemptMark) -> Trial<'a> {
        Trial {
            app: self.app,
            environment: self.environment,
            mark,
            moment: self.moment,
        }
    }
}
