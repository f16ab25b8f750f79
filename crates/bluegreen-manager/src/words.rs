//! What is said to people about a rollout.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use restapi_types::status::GateState;
use restapi_types::{Aborted, Environment, keys};
use workloads::pods;

use crate::plan::decide::{Next, Order, Waits};
use crate::plan::gates::obstacle;
use crate::plan::replicas::capacity;
use crate::plan::situate::Situated;
use crate::plan::situation::{Gated, Held, Retention, Revision};
use crate::plan::view::View;

/// What an environment lacks, as its pods tell it.
#[must_use]
pub fn cause(view: &View<'_>, environment: Environment) -> Option<String> {
    let side = view.side(environment);
    let app = side.app.as_ref()?;
    let is_in =
        |pod: &&Arc<Pod>| workloads::world::environment_of(pod.as_ref()) == Some(environment);
    let own: Vec<_> = view.world.pods.iter().filter(is_in).cloned().collect();
    app.components.iter().find_map(|component| {
        let refused = workload_refused(view, environment, component.name);
        let found = refused.or_else(|| pods::cause(component, &own).map(|cause| cause.message));
        found.map(|message| format!("{}: {message}", component.name))
    })
}

fn workload_refused(
    view: &View<'_>,
    environment: Environment,
    component: restapi_types::ComponentName,
) -> Option<String> {
    let mut workloads = view.world.workloads_in(environment);
    let (_, workload) = workloads.find(|(name, _)| *name == component)?;
    let failure = workloads::counts::condition(workload, "ReplicaFailure", "True")?;
    let message = failure.message.unwrap_or_default();
    Some(format!(
        "its pods are refused: {message}; make room in the quota or correct what the policy names"
    ))
}

/// How many components of an environment are available, of how many, and what one lacks.
fn progress(view: &View<'_>, environment: Environment) -> String {
    let side = view.side(environment);
    let all = side.app.as_ref().map_or(0, |app| app.components.len());
    let ready = side
        .workloads
        .iter()
        .filter(|run| run.counts.is_available())
        .count();
    let counts = format!("{ready} of {all} components are available");
    let lack = || lacking(view, environment).filter(|_| ready == all);
    match cause(view, environment).or_else(lack) {
        Some(cause) => format!("{counts}; {cause}"),
        None => counts,
    }
}

/// Of which component an environment has too few pods for what the other one carries: an autoscaler of its own may have
/// taken them away again, since nobody calls it yet.
fn lacking(view: &View<'_>, environment: Environment) -> Option<String> {
    let lack = capacity::lacking(view, environment)?;
    let other = environment.other();
    Some(format!(
        "{} has {} pods in {environment} and {} in {other}: where an autoscaler of {environment} keeps it small, raise its minReplicas",
        lack.component, lack.available, lack.needed
    ))
}

/// Why the manager gives a revision up.
#[must_use]
pub fn given_up(view: &View<'_>, situated: &Situated, held: Held) -> String {
    let home = situated.situation.home(held.revision);
    let progress = progress(view, home);
    let timeout = view.spec.approval_timeout();
    let is_ready = situated.times(home).available.is_some();
    if situated.situation.gated == Gated::Failed {
        gates(view, situated)
    } else if let (true, Some(timeout)) = (is_ready && situated.situation.is_late, timeout) {
        format!("nobody promoted it within {} s", timeout.as_secs())
    } else if situated.situation.is_late {
        let seconds = view.spec.progress_deadline().as_secs();
        format!("it was not ready within {seconds} s: {progress}")
    } else {
        format!("it failed while the Services were being moved to it: {progress}")
    }
}

/// What the gates that have not passed have come to: those that have failed first.
fn gates(view: &View<'_>, situated: &Situated) -> String {
    let Some(gates) = &situated.gates else {
        return "its gates are tried".to_owned();
    };
    let told = view.spec.gates(gates.moment).iter().filter_map(|gate| {
        let mark = gates.marks.at(gates.moment).get(&gate.name);
        let state = mark.map_or(GateState::Running, |mark| mark.state);
        let why = mark.map(|mark| mark.why.clone());
        let why = why.or_else(|| obstacle(view.world, &gate.name));
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let name = format!("gate {} of {}", gate.name, gates.moment);
        match (state, mark) {
            (GateState::Passed, _) => None,
            (GateState::Failed, _) => Some((0, format!("{name} failed{why}"))),
            (GateState::Unknown, _) => Some((1, format!("{name} gave no answer{why}"))),
            (GateState::Waiting | GateState::Running, Some(mark)) => {
                let (passed, of, failed) = (mark.passed, gate.count(), mark.failed);
                Some((
                    2,
                    format!("{name} passed {passed} of {of} times and failed {failed} times{why}"),
                ))
            }
            (GateState::Waiting | GateState::Running, None) => {
                Some((3, format!("{name} is tried{why}")))
            }
        }
    });
    let worst = told.min();
    worst.map_or_else(|| "its gates have passed".to_owned(), |(_, told)| told)
}

/// Why a revision is held back, and what to do about it.
#[must_use]
pub fn held(view: &View<'_>, held: Held) -> String {
    let Held { revision, serving } = held;
    let record = view.record_of(revision);
    let aborted = record.and_then(|record| Aborted::of(record.as_ref(), record.revision));
    let order = view.world.restapi.annotations().get(keys::ROLLBACK);
    let why = match (aborted, order) {
        (Some(aborted), _) => aborted.why,
        (None, Some(order)) => format!("by the annotation {}: {order}", keys::ROLLBACK),
        (None, None) => "by command".to_owned(),
    };
    let changed = changed_since(view, serving);
    format!(
        "revision {revision} held, serving {serving}: {why}; change the spec, or try it again with `retry {revision}`{changed}"
    )
}

/// That what a revision refers to is not what it was then: Secrets are never copied, and ConfigMaps of others are not
/// either.
fn changed_since(view: &View<'_>, revision: Revision) -> String {
    let app = view.app_of(revision);
    let components = app.iter().flat_map(|app| &app.components);
    let changed: Vec<_> = components
        .filter(|c| view.app.component(c.name).is_some() && c.config.is_some())
        .filter(|c| c.config != view.world.config.hash(c.name))
        .map(|c| c.name.to_string())
        .collect();
    if changed.is_empty() {
        return String::new();
    }
    format!(
        "; the ConfigMaps or Secrets that its {} refers to have changed since: a pod of it that starts now has the new values",
        changed.join(", ")
    )
}

/// What is done next or waited for.
#[must_use]
pub fn next(view: &View<'_>, situated: &Situated, next: Next) -> String {
    let s = &situated.situation;
    let goal = s.goal();
    match next {
        Next::TakeOver => "the writing of workloads is being taken over".to_owned(),
        Next::Build(home, attempt) => {
            format!("revision {} is being made in {home}", attempt.revision)
        }
        Next::Hold(held) => format!("revision {} is given up", held.revision),
        Next::Switch(home, Order::LeafFirst) => {
            format!("the stable Services are being moved to {home}, revision {goal}")
        }
        Next::Switch(home, Order::EdgeFirst) => {
            format!("the stable Services are being moved back to {home}, revision {goal}")
        }
        Next::Seal(environment, _) | Next::Release(environment) => {
            format!("what {environment} ran is being removed, those first that others don't call")
        }
        Next::Wait(waits) => waiting(view, situated, waits),
        Next::Rest => format!("revision {goal} serves, and there is nothing else"),
    }
}

fn waiting(view: &View<'_>, situated: &Situated, waits: Waits) -> String {
    let s = &situated.situation;
    let goal = s.goal();
    let home = s.home(goal);
    match waits {
        Waits::Available => format!(
            "revision {goal} is started in {home}: {}",
            progress(view, home)
        ),
        Waits::Gates => {
            let waits = format!("revision {goal} is ready in {home}");
            format!("{waits}: {}", gates(view, situated))
        }
        Waits::Retention if s.agreed() == Some(home) && s.gated != Gated::Passed => {
            format!("revision {goal} serves: {}", gates(view, situated))
        }
        Waits::Approval => format!("revision {goal} is ready in {home} and waits to be promoted"),
        Waits::Retention if s.agreed() == Some(home) => {
            let kept = s.side(home.other()).runs.revision().unwrap_or_default();
            format!(
                "revision {goal} serves, and revision {kept} is kept in {} for going back",
                home.other()
            )
        }
        Waits::Retention if s.retention == Retention::Draining => {
            format!("revision {goal} waits for {home}, which still answers what was under way")
        }
        Waits::Retention => format!(
            "revision {goal} waits for {home}, which is kept for going back: spec.blueGreen.retention.onNewRevision is Wait"
        ),
        Waits::Endpoints => format!("revision {goal} waits for {home}, whose pods are ending"),
        Waits::Convergence => {
            "the endpoints of the stable Services don't show yet that they were moved".to_owned()
        }
        Waits::Pods => {
            let kept = s.side(home.other());
            let back = match kept.runs.revision().filter(|_| kept.serves) {
                Some(kept) => format!("; `rollback {goal}` goes back to revision {kept}"),
                None => String::new(),
            };
            format!(
                "revision {goal} is to serve from {home}, and not all of it is ready: {}{back}",
                progress(view, home)
            )
        }
    }
}
