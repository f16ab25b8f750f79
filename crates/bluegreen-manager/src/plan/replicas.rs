//! How many pods the workloads of an environment have: what serves never shrinks because a revision is replaced.

use kube::core::DynamicObject;
use manager_kit::tracker::Target;
use manager_kit::writer::Draft;
use restapi_resources::Component;
use restapi_types::{ComponentName, Environment, keys, names};
use serde_json::json;
use workloads::counts::Counts;
use workloads::plan::compare::{annotation, set};

use super::view::View;
use super::workers;

/// Puts the number into the draft of a component's workload in `environment`.
///
/// While it is being started, that is what the other environment has now, since the load is what that says and not
/// what the spec says. While it serves, it is what the spec says, unless an autoscaler decides about the other one:
/// that knows better, and nothing knows about this one yet.
pub fn settle(
    view: &View<'_>,
    component: &Component,
    environment: Environment,
    serves: bool,
    draft: &mut Draft,
) {
    if workers::is_handed_over(view, component) {
        let number = workers::number(view, component, environment);
        if let Some(spec) = draft.body.pointer_mut("/spec") {
            spec["replicas"] = json!(number);
        }
        return;
    }
    let own = wanted(view, component.name, environment);
    let other = wanted(view, component.name, environment.other());
    let by_autoscaler = is_autoscaled(view, component.name, environment.other());
    let number = if serves {
        own.filter(|_| by_autoscaler)
    } else {
        let other = other.filter(|other| *other > 0);
        own.max(other)
    };
    if let Some(number) = number
        && let Some(spec) = draft.body.pointer_mut("/spec")
    {
        spec["replicas"] = json!(number);
    }
    if by_autoscaler && !is_autoscaled(view, component.name, environment) {
        // Nobody's number is better than what is left.
        set(&mut draft.body, "annotations", keys::REPLICAS, "false");
    }
}

fn workload<'a>(
    view: &View<'a>,
    component: ComponentName,
    environment: Environment,
) -> Option<&'a DynamicObject> {
    let mut all = view.world.workloads_in(environment);
    all.find(|(name, _)| *name == component).map(|(_, w)| w)
}

/// How many pods a workload is to have now, where it is there.
pub(super) fn wanted(
    view: &View<'_>,
    component: ComponentName,
    environment: Environment,
) -> Option<i32> {
    workload(view, component, environment).map(|workload| Counts::of(workload).wanted)
}

/// Whether an autoscaler decides about the workload, or did until just now; also where the workload is gone, and the
/// autoscaler is left.
pub(super) fn is_autoscaled(
    view: &View<'_>,
    component: ComponentName,
    environment: Environment,
) -> bool {
    let held = workload(view, component, environment)
        .and_then(|workload| annotation(&workload.metadata, keys::REPLICAS));
    let target = Target {
        kind: "Deployment".to_owned(),
        name: names::coloured(&view.app.name, component, environment),
    };
    held == Some("true") || view.world.autoscaled.contains(&target)
}

/// Whether one environment can take the load of the other.
pub mod capacity {
    use super::{ComponentName, Environment, View, wanted, workers};

    /// A component that has fewer pods in one environment than in the other.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lack {
        /// Which component.
        pub component: ComponentName,
        /// How many pods of it are available.
        pub available: i32,
        /// How many there are in the other environment.
        pub needed: i32,
    }

    /// The first component of `environment` that has fewer pods than in the other one, as far as it is there. Workers
    /// that are handed over start later.
    #[must_use]
    pub fn lacking(view: &View<'_>, environment: Environment) -> Option<Lack> {
        let is_later = |name| {
            let component = view.app.component(name);
            component.is_some_and(|component| workers::is_handed_over(view, component))
        };
        view.side(environment).workloads.iter().find_map(|run| {
            let needed = wanted(view, run.component, environment.other())?;
            let available = run.counts.available;
            (available < needed && !is_later(run.component)).then_some(Lack {
                component: run.component,
                available,
                needed,
            })
        })
    }
}
