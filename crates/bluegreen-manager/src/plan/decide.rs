//! What to do next for an application. Pure, and a function of the situation alone: nothing depends on what was
//! done before, so that a manager that is stopped between any two steps goes on where the objects are.

use restapi_types::Environment;
use restapi_types::spec::blue_green::OnNewRevision;

use super::situation::{Attempt, Gated, Held, Retention, Revision, Runs, Situation};

/// The order in which the stable Services are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Those that others call first, the edge last: a new revision is complete before anybody enters it.
    LeafFirst,
    /// The edge first: on the way back nobody is to enter what is left.
    EdgeFirst,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// Says on every stable Service that this manager writes the workloads from now on.
    TakeOver,
    /// Makes the workloads of a revision in an environment, that of the component first which others call.
    Build(Environment, Attempt),
    /// Notes that a revision is not to be served.
    Hold(Held),
    /// Moves the stable Services to an environment.
    Switch(Environment, Order),
    /// Notes on every stable Service that it must not select this attempt, or any before, in that environment any more.
    Seal(Environment, u64),
    /// Removes the workloads of a sealed environment.
    Release(Environment),
    /// Nothing: something else has to happen first.
    Wait(Waits),
    /// Nothing.
    Rest,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waits {
    /// The revision that is being started is not available yet.
    Available,
    /// It is available, and its gates have not passed yet.
    Gates,
    /// It is available, and time or people have not let it pass yet.
    Approval,
    /// The environment that it needs is kept for going back.
    Retention,
    /// The environment that it needs has pods that are ending.
    Endpoints,
    /// The stable Services do not show yet that all of them have moved.
    Convergence,
    /// What is to be served does not serve.
    Pods,
}

/// What to do next.
#[must_use]
pub fn decide(s: &Situation) -> Next {
    if s.stable.iter().any(|stable| !stable.is_ours) {
        return Next::TakeOver;
    }
    let goal = s.goal();
    if s.services == 0 {
        return in_place(s, goal);
    }
    let home = s.home(goal);
    if s.stable.len() < s.services || s.agreed() == Some(home) {
        at_home(s, goal, home)
    } else {
        on_the_way(s, goal, home)
    }
}

/// Nothing can be switched: the goal replaces what runs where it runs.
fn in_place(s: &Situation, goal: Revision) -> Next {
    let is_empty = |e: Environment| s.side(e).runs == Runs::Nothing;
    let home = Environment::ALL.into_iter().find(|e| !is_empty(*e));
    let home = home.unwrap_or_default();
    let attempt = s.attempt(goal, home);
    if s.side(home).runs != Runs::All(attempt) {
        Next::Build(home, attempt)
    } else if is_empty(home.other()) {
        Next::Rest
    } else {
        Next::Release(home.other())
    }
}

/// The goal is served, or nothing is yet.
fn at_home(s: &Situation, goal: Revision, home: Environment) -> Next {
    let attempt = s.attempt(goal, home);
    if s.side(home).runs != Runs::All(attempt) || s.stable.len() < s.services {
        return Next::Build(home, attempt);
    }
    if let Some(hold) = take_back(s, goal, home) {
        return hold;
    }
    if !s.side(home).serves {
        // What is kept may be needed.
        return Next::Wait(Waits::Pods);
    }
    let away = s.side(home.other());
    if away.runs.revision().is_none() {
        return Next::Rest;
    }
    if s.stable.iter().any(|stable| !stable.converged) {
        return Next::Wait(Waits::Convergence);
    }
    if s.retention == Retention::Over && s.gated == Gated::Passed {
        release(s, home.other())
    } else {
        Next::Wait(Waits::Retention)
    }
}

/// The goal is not served by all stable Services.
fn on_the_way(s: &Situation, goal: Revision, home: Environment) -> Next {
    let side = s.side(home);
    match side.runs.revision() {
        Some(other) if other != goal => return vacate(s, home),
        // Somebody may be about to remove it; but never while it is selected.
        Some(_) if s.is_sealed(home) && !s.is_selected(home) => return release(s, home),
        None if side.has_endpoints => return Next::Wait(Waits::Endpoints),
        Some(_) | None => {}
    }
    let attempt = s.attempt(goal, home);
    let is_complete = side.runs == Runs::All(attempt);
    let goes_back = goes_back(s, goal, home);
    let has_begun = s.is_selected(home);
    // Where somebody moved a Service by hand to where nothing serves, the way back is as short.
    let is_rescue = has_begun && !s.side(home.other()).serves;
    let may_switch = if goes_back || is_rescue {
        side.serves
    } else {
        side.available && s.is_approved && s.gated == Gated::Passed
    };
    if is_complete && may_switch {
        let order = if goes_back {
            Order::EdgeFirst
        } else {
            Order::LeafFirst
        };
        return Next::Switch(home, order);
    }
    if let Some(hold) = give_up(s, goal, home) {
        return hold;
    }
    let away = s.side(home.other());
    let is_half_way = s.agreed().is_none() && has_begun && !goes_back;
    if is_half_way && away.serves && !s.is_sealed(home.other()) {
        // Not our doing: we begin with what may serve. Somebody moved a Service by hand.
        return Next::Switch(home.other(), Order::EdgeFirst);
    }
    if !is_complete {
        return Next::Build(home, attempt);
    }
    Next::Wait(if !side.serves && !s.side(home.other()).serves {
        Waits::Pods
    } else if side.available && s.gated != Gated::Passed {
        Waits::Gates
    } else if side.available {
        Waits::Approval
    } else {
        Waits::Available
    })
}

/// Whether the goal is what served before, and still there: of what replaced it nothing is asked then. What served
/// before has the lower number.
fn goes_back(s: &Situation, goal: Revision, home: Environment) -> bool {
    let is_held = s.hold(s.asked).is_some_and(|held| held.serving == goal);
    let number = |e: Environment| s.side(e).runs.attempt().map(|attempt| attempt.number);
    let replaced = number(home.other());
    let is_older = number(home).is_some_and(|own| replaced.is_none_or(|other| own < other));
    is_held && is_older
}

/// Gives a revision up that takes too long, or that fails while the stable Services are being moved to it, where
/// there is another one that serves.
fn give_up(s: &Situation, goal: Revision, home: Environment) -> Option<Next> {
    let away = s.side(home.other());
    let serving = away.runs.revision().filter(|_| away.serves)?;
    let failed_half_way = s.is_selected(home) && !s.side(home).serves;
    let is_new = s.hold(goal).is_none() && serving != goal && goal == s.asked;
    let revision = goal;
    let has_failed = s.is_late || failed_half_way || s.gated == Gated::Failed;
    (is_new && has_failed).then_some(Next::Hold(Held { revision, serving }))
}

/// Gives up a revision that serves and whose gates have failed, where what it replaced is kept and can serve.
fn take_back(s: &Situation, goal: Revision, home: Environment) -> Option<Next> {
    let away = s.side(home.other());
    let serving = away.runs.revision()?;
    let can_serve = away.serves && !s.is_sealed(home.other()) && serving != goal;
    let is_kept = can_serve && s.is_earlier(home.other());
    let is_asked = goal == s.asked && s.hold(goal).is_none();
    let revision = goal;
    (s.gated == Gated::Failed && is_asked && is_kept)
        .then_some(Next::Hold(Held { revision, serving }))
}

/// Makes room in an environment that another revision has.
fn vacate(s: &Situation, environment: Environment) -> Next {
    if s.is_selected(environment) {
        Next::Wait(Waits::Convergence)
    } else if s.retention == Retention::Over
        || (s.on_new_revision == OnNewRevision::Release && s.retention == Retention::Drained)
    {
        release(s, environment)
    } else {
        Next::Wait(Waits::Retention)
    }
}

/// Takes an environment's workloads away, once no writer can select it any more: whoever planned to when it
/// was still good finds every stable Service changed.
fn release(s: &Situation, environment: Environment) -> Next {
    let attempt = s.side(environment).runs.attempt();
    let number = attempt.map_or(0, |attempt| attempt.number);
    let mut seals = s.stable.iter().map(|stable| stable.seals.of(environment));
    if seals.all(|seal| seal >= number) {
        Next::Release(environment)
    } else {
        Next::Seal(environment, number)
    }
}

#[cfg(test)]
mod tests;
