//! Every object that an application should have, in the order in which they are made.

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use manager_kit::writer::Draft;
use restapi_resources::companions::{self, Companions};
use restapi_resources::ports::{LivePorts, Ports};
use restapi_resources::surroundings::Surroundings;
use restapi_resources::third_party::{ThirdParty, ThirdPartyKind};
use restapi_resources::{Application, RenderVersion, render};
use restapi_types::{ComponentName, Environment, keys};
use workloads::kinds::Role;
use workloads::plan::PlanError;
use workloads::plan::desired::{self, Desired, Stage, extend};
use workloads::plan::turn::writer;
use workloads::world::World;

/// Every object that `app` should have in `world`, with the record of the revision that its spec asks for.
///
/// # Errors
/// When an object can't be written as JSON, which no rendered object is.
pub(super) fn all(
    app: &Application,
    record: &ControllerRevision,
    world: &World,
    surroundings: &Surroundings,
) -> Result<Vec<Desired>, PlanError> {
    let environment = world.objects.active_environment();
    let monitors_pods = world.served.contains("PodMonitor");
    let mut all = companions(app, world, surroundings)?;
    let version = RenderVersion::default();
    let called = desired::ports_in_use(world);
    for component in render(app, environment, writer(app), version, &called).components {
        all.extend(desired::of_component(app, component, monitors_pods)?);
    }
    // Last of its stage: what serves is on its way first.
    all.push(Desired::new(record, stage_of(record), Role::Workloads)?);
    Ok(all)
}

/// The companions of `app` alone.
///
/// # Errors
/// As [`all`].
pub(super) fn companions(
    app: &Application,
    world: &World,
    surroundings: &Surroundings,
) -> Result<Vec<Desired>, PlanError> {
    let live = live_ports(world);
    let mut all = Vec::new();
    let environments: &[Environment] = match app.spec.blue_green() {
        Some(_) => &Environment::ALL,
        None => &[world.objects.active_environment()],
    };
    let companions = companions::companions(app, environments, surroundings, &live)?;
    add_companions(&mut all, companions, world.served.contains("PodMonitor"))?;
    Ok(all)
}

/// When the record of the revision that the spec asks for is written: beside its pods, which saves each
/// change a round trip; but a mark that holds the revision back before anything that goes back.
fn stage_of(record: &ControllerRevision) -> Stage {
    if record.annotations().contains_key(keys::HELD) {
        Stage::Foundations
    } else {
        Stage::Workloads
    }
}

/// The ports on which pods still listen, whatever the spec now says.
fn live_ports(world: &World) -> LivePorts {
    let mut live = LivePorts::default();
    for pod in world.live_pods() {
        let name = pod.labels().get(keys::COMPONENT);
        let component = name.and_then(|name| ComponentName::of(name));
        if let (Some(component), Some(spec)) = (component, &pod.spec) {
            live.add(component, Ports::of_pod(component, spec));
        }
    }
    live
}

fn add_companions(
    all: &mut Vec<Desired>,
    companions: Companions,
    monitors_pods: bool,
) -> Result<(), PlanError> {
    use Stage::{Foundations, Workloads};
    // Destructured, so that nothing new is forgotten here.
    let Companions {
        service_accounts,
        disruption_budgets,
        network_policies,
        ingress,
        resource_quota,
        third_party,
    } = companions;
    let role = Role::Companions;
    extend(all, &service_accounts, Foundations, role)?;
    extend(all, &network_policies, Foundations, role)?;
    extend(all, &resource_quota, Foundations, role)?;
    extend(all, &disruption_budgets, Workloads, role)?;
    extend(all, &ingress, Workloads, role)?;
    for ThirdParty { kind, object } in third_party {
        // Without PodMonitors the Services are annotated instead.
        if kind == ThirdPartyKind::PodMonitor && !monitors_pods {
            continue;
        }
        let draft = Draft {
            resource: kind.resource(),
            name: object.name_any(),
            body: serde_json::to_value(&object)?,
        };
        all.push(Desired {
            optional: Some(kind),
            ..Desired::of(draft, Workloads, role)
        });
    }
    Ok(())
}
