//! Workers, which no Service switches, where those of one revision are to run at a time.

use kube::ResourceExt as _;
use restapi_resources::Component;
use restapi_types::spec::blue_green::Workers;
use restapi_types::{ComponentName, Environment, keys};
use workloads::world::environment_of;

use super::replicas::{is_autoscaled, wanted};
use super::view::View;

/// Whether the pods of a component run in one environment at a time. Where an autoscaler decides how many there are,
/// nobody else stops and starts them; and where nothing can be switched, revisions replace each other in place.
#[must_use]
pub(super) fn is_handed_over(view: &View<'_>, component: &Component) -> bool {
    let mut environments = Environment::ALL.into_iter();
    component.port.is_none()
        && view.spec.workers() == Workers::HandOver
        && !view.deciding().is_empty()
        && !environments.any(|environment| is_autoscaled(view, component.name, environment))
}

/// How many pods it has in `environment`: all, where the stable Services select that and those of the other one have
/// ended; while they are being moved, as many as now.
#[must_use]
pub(super) fn number(view: &View<'_>, component: &Component, environment: Environment) -> i32 {
    let now = wanted(view, component.name, environment).unwrap_or(0);
    let may_run = match agreed(view) {
        Some(serving) if serving != environment => false,
        Some(_) => now > 0 || !has_pods(view, component.name, environment.other()),
        None if view.stable.is_empty() => !has_pods(view, component.name, environment.other()),
        None => now > 0,
    };
    if may_run { component.replicas } else { 0 }
}

/// The environment that all stable Services select, if they agree.
fn agreed(view: &View<'_>) -> Option<Environment> {
    let deciding = view.deciding();
    let stable = view.stable.iter();
    let mut selects = stable
        .filter(|stable| deciding.contains(&stable.component))
        .map(|stable| stable.selects);
    let first = selects.next()??;
    selects.all(|other| other == Some(first)).then_some(first)
}

/// Whether pods of it are left in `environment`, ending ones included.
fn has_pods(view: &View<'_>, component: ComponentName, environment: Environment) -> bool {
    let mut pods = view.world.live_pods();
    pods.any(|pod| {
        let name = pod.labels().get(keys::COMPONENT);
        environment_of(pod.as_ref()) == Some(environment)
            && name.is_some_and(|name| name == component.as_str())
    })
}
