//! Where an application stands, as far as decisions go: small, and without objects, so that every situation can be
//! tried out.

use restapi_types::spec::blue_green::OnNewRevision;
use restapi_types::{Environment, Seals};

/// The number of a revision in the application's history. A later one is greater.
pub type Revision = u64;

/// One attempt at running a revision in an environment.
///
/// Its number stands on every workload that is made for it, and is greater than that of every attempt before, in
/// either environment: so that one that was given up, and a workload that is created late for it, is never taken for
/// the next one at the same revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt {
    /// Its number.
    pub number: u64,
    /// The revision.
    pub revision: Revision,
}

/// What the workloads of one environment run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Runs {
    /// There are none.
    #[default]
    Nothing,
    /// The environment has been given to this attempt by its first workload; not all are there, or as they should be.
    Parts(Attempt),
    /// Every component as this attempt wants it, and nothing else.
    All(Attempt),
}

impl Runs {
    /// The attempt that has the environment.
    #[must_use]
    pub const fn attempt(self) -> Option<Attempt> {
        match self {
            Self::Parts(attempt) | Self::All(attempt) => Some(attempt),
            Self::Nothing => None,
        }
    }

    /// The revision of that attempt.
    #[must_use]
    pub fn revision(self) -> Option<Revision> {
        self.attempt().map(|attempt| attempt.revision)
    }
}

/// One of the two environments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Side {
    /// What its workloads run.
    pub runs: Runs,
    /// Whether every component has at least one pod that is ready, and no pod of an earlier attempt is left.
    pub serves: bool,
    /// Whether in addition all have been available for long enough, with as many pods as are needed.
    pub available: bool,
    /// Whether its Services have endpoints, terminating ones included.
    pub has_endpoints: bool,
}

/// One stable Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stable {
    /// The environment that it selects.
    pub selects: Environment,
    /// Whether its `EndpointSlices` hold pods of that environment and no others.
    pub converged: bool,
    /// What it must not select any more.
    pub seals: Seals,
    /// Whether it says that this manager writes the workloads.
    pub is_ours: bool,
}

/// A revision that is not to be served although the spec asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Held {
    /// The revision.
    pub revision: Revision,
    /// The one that is served instead.
    pub serving: Revision,
}

/// How long the environment is kept that does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retention {
    /// It may still be answering what was under way.
    Draining,
    /// It has had the time for that, and not yet to be gone back to.
    Drained,
    /// It has had that as well, or is none to go back to.
    Over,
}

/// What gates say together: those before the switch while the goal does not serve, those after it once it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gated {
    /// All have passed, or there are none.
    #[default]
    Passed,
    /// One has not ended.
    Pending,
    /// One has failed.
    Failed,
}

/// Where an application stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Situation {
    /// The stable Services that exist, those that others call first. None while it is being born.
    pub stable: Vec<Stable>,
    /// How many stable Services there should be. None where no component has a port: then nothing can be switched,
    /// and revisions replace each other in place.
    pub services: usize,
    /// Blue.
    pub blue: Side,
    /// Green.
    pub green: Side,
    /// The revision that the spec asks for.
    pub asked: Revision,
    /// Revisions that were aborted or rolled back.
    pub held: Vec<Held>,
    /// Whether the gates before the switch let the revision pass that is to be served.
    pub is_approved: bool,
    /// What its gates say.
    pub gated: Gated,
    /// How long the environment that does not serve is kept.
    pub retention: Retention,
    /// What a new revision does that needs the environment that is kept for going back.
    pub on_new_revision: OnNewRevision,
    /// Whether the revision that is being started has had all the time that it may take.
    pub is_late: bool,
}

impl Situation {
    /// One environment.
    #[must_use]
    pub const fn side(&self, environment: Environment) -> &Side {
        match environment {
            Environment::Blue => &self.blue,
            Environment::Green => &self.green,
        }
    }

    /// Whether a stable Service selects the environment.
    #[must_use]
    pub fn is_selected(&self, environment: Environment) -> bool {
        self.stable.iter().any(|s| s.selects == environment)
    }

    /// Whether requests go to the environment; where nothing can be switched, what is there serves.
    #[must_use]
    pub fn is_served_from(&self, environment: Environment) -> bool {
        self.is_selected(environment) || self.services == 0
    }

    /// The environment to which all requests go, once every endpoint of every stable Service is in it.
    #[must_use]
    pub fn converged(&self) -> Option<Environment> {
        let is_there = self.stable.iter().all(|s| s.converged);
        self.agreed().filter(|_| is_there)
    }

    /// Whether a stable Service must not select any more what the environment runs.
    #[must_use]
    pub fn is_sealed(&self, environment: Environment) -> bool {
        let attempt = self.side(environment).runs.attempt();
        let is_up_to = |seal: u64| attempt.is_some_and(|attempt| attempt.number <= seal);
        let mut seals = self.stable.iter().map(|s| s.seals.of(environment));
        seals.any(is_up_to)
    }

    /// The environment that all stable Services select, if they agree.
    #[must_use]
    pub fn agreed(&self) -> Option<Environment> {
        let first = self.stable.first()?.selects;
        let mut all = self.stable.iter();
        all.all(|s| s.selects == first).then_some(first)
    }

    /// Whether what an environment runs was started before what the other one runs: what served before has the lower
    /// number, and what has the higher one and does not serve was given up.
    #[must_use]
    pub fn is_earlier(&self, environment: Environment) -> bool {
        let number = |e: Environment| self.side(e).runs.attempt().map(|attempt| attempt.number);
        number(environment) < number(environment.other())
    }

    /// What holds the revision back, if anything does.
    #[must_use]
    pub fn hold(&self, revision: Revision) -> Option<Held> {
        self.held.iter().copied().find(|h| h.revision == revision)
    }

    /// The revision that is to be served.
    ///
    /// While the stable Services disagree, that is one of the two that they select: a third one waits.
    #[must_use]
    pub fn goal(&self) -> Revision {
        let wanted = self.hold(self.asked).map_or(self.asked, |h| h.serving);
        if self.agreed().is_some() || self.stable.is_empty() {
            return wanted;
        }
        // One that is sealed is given up, even where it was wanted back: somebody may be about to remove it.
        let open = Environment::ALL.into_iter().filter(|e| !self.is_sealed(*e));
        let open: Vec<_> = open.filter_map(|e| self.side(e).runs.revision()).collect();
        if open.contains(&wanted) {
            return wanted;
        }
        let best = open
            .into_iter()
            .max_by_key(|r| (self.hold(*r).is_none(), *r));
        best.unwrap_or(wanted)
    }

    /// The environment for a revision: the one that runs it, else the one that serves nothing. Where somebody took
    /// away all that served, that is made again in its place: the other one may be all that can be gone back to.
    #[must_use]
    pub fn home(&self, revision: Revision) -> Environment {
        let serving = self.agreed();
        let runs = |e: &Environment| self.side(*e).runs.revision() == Some(revision);
        // What serves goes before what was left half-way.
        let running = serving
            .filter(runs)
            .or(Environment::ALL.into_iter().find(runs));
        let is_lost = |e: &Environment| self.side(*e).runs == Runs::Nothing;
        let vacant = serving.filter(is_lost).or(serving.map(Environment::other));
        running.or(vacant).unwrap_or_default()
    }

    /// The attempt at a revision in its home: the one that has it, or a new one.
    #[must_use]
    pub fn attempt(&self, revision: Revision, home: Environment) -> Attempt {
        let present = self.side(home).runs.attempt();
        let present = present.filter(|a| a.revision == revision && !self.is_sealed(home));
        present.unwrap_or_else(|| Attempt {
            number: self.last_number() + 1,
            revision,
        })
    }

    /// The greatest number of any attempt so far, and of any seal.
    fn last_number(&self) -> u64 {
        let sides = [self.blue.runs, self.green.runs].into_iter();
        let attempts = sides.filter_map(Runs::attempt).map(|a| a.number);
        let seals = self.stable.iter().map(|s| s.seals.blue.max(s.seals.green));
        attempts.chain(seals).max().unwrap_or_default()
    }
}
