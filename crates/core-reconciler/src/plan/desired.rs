//! Every object that an application should have, in the order in which they are made.

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{Resource, ResourceExt as _};
use manager_kit::writer::Draft;
use restapi_resources::companions::{Companions, companions};
use restapi_resources::parts::Parts;
use restapi_resources::pod_monitor::scrape_annotations;
use restapi_resources::ports::{LivePorts, Ports};
use restapi_resources::surroundings::Surroundings;
use restapi_resources::third_party::{ThirdParty, ThirdPartyKind};
use restapi_resources::{
    Application, PortsInUse, RenderVersion, RenderedComponent, Workload, render,
};
use restapi_types::{ComponentName, keys};
use serde::Serialize;
use workloads::kinds::Role;
use workloads::plan::PlanError;
use workloads::pods;
use workloads::world::World;

use super::WRITER;

/// When an object is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before any pod that needs it.
    Foundations,
    /// After its foundations.
    Workloads,
}

/// One object as it should be.
#[derive(Clone, Debug)]
pub(super) struct Desired {
    pub(super) draft: Draft,
    pub(super) stage: Stage,
    pub(super) role: Role,
    /// Whose it is, where it is a component's.
    pub(super) component: Option<ComponentName>,
    /// The kind that the cluster may lack, where it is one.
    pub(super) optional: Option<ThirdPartyKind>,
    /// Whether parts of it are in Kubernetes' own form, which only the API server can check.
    pub(super) is_opaque: bool,
}

impl Desired {
    fn new<K>(object: &K, stage: Stage, role: Role) -> Result<Self, PlanError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        Ok(Self::of(Draft::new(object)?, stage, role))
    }

    const fn of(draft: Draft, stage: Stage, role: Role) -> Self {
        Self {
            draft,
            stage,
            role,
            component: None,
            optional: None,
            is_opaque: false,
        }
    }
}

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
    let live = live_ports(world);
    let mut all = Vec::new();
    let monitors_pods = world.served.contains("PodMonitor");
    add_companions(
        &mut all,
        companions(app, environment, surroundings, &live)?,
        monitors_pods,
    )?;
    let version = RenderVersion::default();
    let called = ports_in_use(world);
    for component in render(app, environment, WRITER, version, &called).components {
        add_component(&mut all, app, component, monitors_pods)?;
    }
    // Last of its stage: what serves is on its way first.
    all.push(Desired::new(record, stage_of(record), Role::Workloads)?);
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

/// The ports under which pods still call each other, whatever the spec now says: a pod was told its peers'
/// addresses when it was made.
fn ports_in_use(world: &World) -> PortsInUse {
    let mut called = PortsInUse::default();
    let containers = world.live_pods().filter_map(|pod| pod.spec.as_ref());
    let variables = containers
        .flat_map(|spec| &spec.containers)
        .flat_map(|container| container.env.iter().flatten());
    for variable in variables {
        let name = variable.name.strip_suffix(pods::PEER_SUFFIX);
        let component = name.and_then(|name| ComponentName::of(&name.to_ascii_lowercase()));
        let port = variable.value.as_ref().and_then(|url| url.rsplit_once(':'));
        let port = port.and_then(|(_, port)| port.parse().ok());
        if let (Some(component), Some(port)) = (component, port) {
            called.add(component, port);
        }
    }
    called
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

fn add_component(
    all: &mut Vec<Desired>,
    app: &Application,
    rendered: RenderedComponent,
    monitors_pods: bool,
) -> Result<(), PlanError> {
    let RenderedComponent {
        name,
        workload,
        mut coloured,
        stable,
        config_map,
        claim,
    } = rendered;
    let component = app.component(name);
    if let (Some(service), Some(component), false) = (&mut coloured, component, monitors_pods) {
        let annotations = service.metadata.annotations.get_or_insert_default();
        annotations.extend(scrape_annotations(app, component));
    }
    let role = Role::Workloads;
    let mut own = Vec::new();
    extend(&mut own, &config_map, Stage::Foundations, role)?;
    extend(&mut own, &claim, Stage::Foundations, role)?;
    extend(&mut own, &coloured, Stage::Workloads, role)?;
    let workload = match &workload {
        Workload::Deployment(deployment) => Desired::new(&**deployment, Stage::Workloads, role)?,
        Workload::StatefulSet(set) => Desired::new(&**set, Stage::Workloads, role)?,
    };
    own.push(Desired {
        is_opaque: component.is_some_and(|c| c.parts != Parts::default()),
        ..workload
    });
    extend(&mut own, &stable, Stage::Workloads, role)?;
    all.extend(own.into_iter().map(|desired| Desired {
        component: Some(name),
        ..desired
    }));
    Ok(())
}

/// Adds objects of one kind.
fn extend<'a, K>(
    all: &mut Vec<Desired>,
    objects: impl IntoIterator<Item = &'a K>,
    stage: Stage,
    role: Role,
) -> Result<(), PlanError>
where
    K: Resource<DynamicType = ()> + Serialize + 'a,
{
    for object in objects {
        all.push(Desired::new(object, stage, role)?);
    }
    Ok(())
}
