//! From what there is to where the application stands, as decisions read it.

use jiff::Timestamp;
use kube::ResourceExt as _;
use restapi_types::Environment;
use restapi_types::spec::blue_green::{BlueGreenSpec, PromotionMode};
use restapi_types::spec::gates::Moment;
use restapi_types::{Aborted, keys};
use workloads::plan::Rollback;

use super::clock::Clock;
use super::gates::{Gates, Subject};
use super::replicas::capacity;
use super::situation::{Gated, Held, Retention, Runs, Side, Situation, Stable};
use super::slices;
use super::times::{Times, after};
use super::view::{Run, View, number};

/// Where an application stands, and the points in time at which that changes by itself.
#[derive(Clone, Debug)]
pub struct Situated {
    /// Where it stands.
    pub situation: Situation,
    /// The times of blue.
    pub blue: Times,
    /// The times of green.
    pub green: Times,
    /// What the gates of the revision that the spec asks for have come to.
    pub gates: Option<Gates>,
    /// When time alone changes something.
    pub turns: Vec<Timestamp>,
}

impl Situated {
    /// The times of one environment.
    #[must_use]
    pub const fn times(&self, environment: Environment) -> &Times {
        match environment {
            Environment::Blue => &self.blue,
            Environment::Green => &self.green,
        }
    }
}

/// Where the application of `view` stands at `now`.
#[must_use]
pub fn situate(view: &View<'_>, now: Timestamp) -> Situated {
    let [blue, green] = Environment::ALL.map(|environment| Times::of(view, environment));
    let mut clock = Clock::new(now);
    let deciding = view.deciding();
    let stable = view.stable.iter().filter_map(|stable| {
        let selects = stable.selects?;
        deciding.contains(&stable.component).then(|| Stable {
            selects,
            converged: stable.converged,
            seals: slices::seals(stable.service),
            is_ours: true,
        })
    });
    let mut situation = Situation {
        stable: stable.collect(),
        services: deciding.len(),
        blue: side(view, Environment::Blue, &blue, &mut clock),
        green: side(view, Environment::Green, &green, &mut clock),
        asked: view.asked(),
        held: held(view),
        is_approved: false,
        gated: Gated::Passed,
        retention: Retention::Draining,
        on_new_revision: view.spec.on_new_revision(),
        is_late: false,
    };
    let goal = situation.goal();
    let home = situation.home(goal);
    let times = |e| {
        if e == Environment::Blue {
            &blue
        } else {
            &green
        }
    };
    let gates = subject(view, &situation, home).and_then(|subject| subject.look(view, &mut clock));
    situation.gated = gates.as_ref().map_or(Gated::Passed, |gates| gates.gated);
    let passed = gates.as_ref().and_then(Gates::passed);
    situation.is_approved = is_approved(view, &situation, home, times(home), passed, &mut clock);
    situation.is_late = situation.side(home).runs.revision() == Some(goal)
        && !situation.is_approved
        && situation.gated == Gated::Passed
        && is_late(&view.spec, times(home), passed, &mut clock);
    if let Some(serving) = situation.agreed() {
        let kept = Kept::of(&situation, serving, times(serving), times(serving.other()));
        situation.retention = kept.until(&view.spec, &mut clock);
    }
    Situated {
        situation,
        blue,
        green,
        gates,
        turns: clock.turns,
    }
}

/// Of what gates are asked: of the revision that the spec asks for, unless it is held back, while another one serves
/// or is kept for going back. Once the stable Services have begun to move there is nothing to be asked before it.
pub(super) fn subject<'a>(
    view: &'a View<'_>,
    s: &Situation,
    home: Environment,
) -> Option<Subject<'a>> {
    let Runs::All(attempt) = s.side(home).runs else {
        return None;
    };
    let other = s.side(home.other()).runs.attempt()?;
    let is_asked = attempt.revision == s.asked && s.hold(s.asked).is_none();
    let is_newer = s.is_earlier(home.other()) && other.revision != attempt.revision;
    let (moment, may_begin) = if s.agreed() == Some(home) {
        (Moment::PostSwitch, s.converged() == Some(home))
    } else if s.is_selected(home) {
        return None;
    } else {
        (Moment::PreSwitch, s.side(home).available)
    };
    let app = view.side(home).app.as_ref()?;
    (is_asked && is_newer).then_some(Subject {
        app,
        attempt,
        environment: home,
        moment,
        may_begin,
    })
}

/// Whether a revision took too long to be ready, or waited too long for somebody once it was and its gates had passed.
fn is_late(
    spec: &BlueGreenSpec,
    times: &Times,
    passed: Option<Timestamp>,
    clock: &mut Clock,
) -> bool {
    let (since, limit) = match times.available {
        None => (times.started, Some(spec.progress_deadline())),
        Some(since) => (passed.max(Some(since)), spec.approval_timeout()),
    };
    let deadline = since.zip(limit).map(|(since, limit)| after(since, limit));
    deadline.is_some_and(|deadline| clock.is_over(deadline))
}

/// What the environment that does not serve is kept for.
struct Kept {
    /// Since when no request is sent to it; nothing while that is not known.
    since: Option<Timestamp>,
    /// Whether it has never been sent any.
    is_unused: bool,
    /// Whether it served before what serves now. What has the higher number was started later, and was given up.
    is_to_go_back_to: bool,
}

impl Kept {
    fn of(s: &Situation, serving: Environment, own: &Times, other: &Times) -> Self {
        let is_to_go_back_to = s.is_earlier(serving.other());
        Self {
            since: own.converged(),
            is_unused: !is_to_go_back_to && other.switched.is_none(),
            is_to_go_back_to,
        }
    }

    fn until(&self, spec: &BlueGreenSpec, clock: &mut Clock) -> Retention {
        if self.is_unused {
            return Retention::Over;
        }
        let mut is_over = |wait| {
            let end = self.since.map(|since| after(since, wait));
            end.is_some_and(|end| clock.is_over(end))
        };
        if !is_over(spec.drain()) {
            Retention::Draining
        } else if self.is_to_go_back_to && !is_over(spec.hot()) {
            Retention::Drained
        } else {
            Retention::Over
        }
    }
}

fn side(view: &View<'_>, environment: Environment, times: &Times, clock: &mut Clock) -> Side {
    let seen = view.side(environment);
    let is_complete = matches!(seen.runs, Runs::All(_));
    let stable = times
        .available
        .map(|since| after(since, view.spec.stable()));
    let is_stable = stable.is_some_and(|stable| clock.is_over(stable));
    Side {
        runs: seen.runs,
        serves: is_complete && seen.workloads.iter().all(Run::serves),
        available: is_stable && capacity::lacking(view, environment).is_none(),
        has_endpoints: seen.has_endpoints,
    }
}

/// The revisions that were given up, in favour of one that can be served.
fn held(view: &View<'_>) -> Vec<Held> {
    let mut all = Vec::new();
    if let Rollback::Held { serving, .. } = &view.order {
        all.push(Held {
            revision: view.asked(),
            serving: number(*serving),
        });
    }
    for record in &view.records {
        let revision = number(record.revision);
        let aborted =
            Aborted::of(record.as_ref(), record.revision).map(|aborted| number(aborted.serving));
        let serving = aborted.filter(|serving| view.record_of(*serving).is_some());
        let is_new = all.iter().all(|held: &Held| held.revision != revision);
        if let Some(serving) = serving.filter(|_| is_new) {
            all.push(Held { revision, serving });
        }
    }
    all
}

/// Whether the revision may serve once it is available.
fn is_approved(
    view: &View<'_>,
    s: &Situation,
    home: Environment,
    times: &Times,
    passed: Option<Timestamp>,
    clock: &mut Clock,
) -> bool {
    let Some(attempt) = s.side(home).runs.attempt() else {
        return false;
    };
    if s.hold(s.asked).is_some() {
        // Somebody ordered what is served instead.
        return true;
    }
    let record = view.record_of(attempt.revision);
    let promoted = record.and_then(|record| record.annotations().get(keys::PROMOTED)?.parse().ok());
    if promoted == Some(attempt.number) {
        return true;
    }
    match (view.spec.mode(), times.available) {
        (PromotionMode::Auto, Some(since)) => {
            let ready = passed.max(Some(after(since, view.spec.stable())));
            ready.is_some_and(|ready| clock.is_over(after(ready, view.spec.delay())))
        }
        _ => false,
    }
}
