//! Where the nodes send requests, as the EndpointSlices say.

use kube::ResourceExt as _;
use kube::core::DynamicObject;
use restapi_types::{ComponentName, Environment, Seals, keys};
use serde_json::Value;
use workloads::counts::Counts;
use workloads::plan::compare::annotation;
use workloads::world::{World, environment_of};

/// The kind of the objects that say it.
const KIND: &str = "EndpointSlice";

/// The label by which one names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Whether the endpoints of a Service are pods of that environment and no others. One that should have pods
/// and has no endpoint is not there yet.
pub(super) fn converged(world: &World, service: &DynamicObject, environment: Environment) -> bool {
    let name = service.name_any();
    let mut found = 0_usize;
    for pod in endpoints(world, &name) {
        let pod = pod.and_then(|pod| world.pods.iter().find(|known| known.name_any() == pod));
        if pod.and_then(|pod| environment_of(pod.as_ref())) != Some(environment) {
            return false;
        }
        found += 1;
    }
    let name = service.labels().get(keys::COMPONENT);
    let component = name.and_then(|name| ComponentName::of(name));
    let mut workloads = world.workloads_in(environment);
    let is_asked = workloads
        .any(|(name, workload)| Some(name) == component && Counts::of(workload).wanted > 0);
    found > 0 || !is_asked
}

/// Whether a Service of the environment itself has an endpoint: ready, or ending.
pub(super) fn has_any(world: &World, environment: Environment) -> bool {
    let mut slices = world.objects.of(KIND);
    slices.any(|slice| {
        environment_of(slice.as_ref()) == Some(environment) && endpoints_of(slice).next().is_some()
    })
}

/// What a stable Service must not select any more.
pub(super) fn seals(service: &DynamicObject) -> Seals {
    annotation(&service.metadata, keys::SEALED).map_or_else(Seals::default, Seals::parse)
}

/// The name of the pod behind each endpoint of a Service; none where it is no pod.
fn endpoints<'a>(world: &'a World, service: &'a str) -> impl Iterator<Item = Option<&'a str>> {
    let slices = world.objects.of(KIND).filter(move |slice| {
        let name = slice.labels().get(SERVICE_NAME);
        name.is_some_and(|name| name == service)
    });
    slices
        .flat_map(|slice| endpoints_of(slice))
        .map(|endpoint| endpoint.pointer("/targetRef/name").and_then(Value::as_str))
}

fn endpoints_of(slice: &DynamicObject) -> impl Iterator<Item = &Value> {
    let endpoints = slice.data.get("endpoints").and_then(Value::as_array);
    endpoints.into_iter().flatten()
}
