//! Objects as they should be.

use kube::Resource;
use manager_kit::writer::Draft;
use restapi_resources::parts::Parts;
use restapi_resources::pod_monitor::scrape_annotations;
use restapi_resources::third_party::ThirdPartyKind;
use restapi_resources::{Application, PortsInUse, RenderedComponent, Workload};
use restapi_types::ComponentName;
use serde::Serialize;

use super::PlanError;
use crate::kinds::Role;
use crate::pods;
use crate::world::World;

/// When an object is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before any pod that needs it.
    Foundations,
    /// After its foundations.
    Workloads,
}

/// One object as it should be.
#[derive(Clone, Debug)]
pub struct Desired {
    /// What is written.
    pub draft: Draft,
    /// When.
    pub stage: Stage,
    /// In which role.
    pub role: Role,
    /// Whose it is, where it is a component's.
    pub component: Option<ComponentName>,
    /// The kind that the cluster may lack, where it is one.
    pub optional: Option<ThirdPartyKind>,
    /// Whether parts of it are in Kubernetes' own form, which only the API server can check.
    pub is_opaque: bool,
}

impl Desired {
    /// One object, of that stage and role.
    ///
    /// # Errors
    /// When it can't be written as JSON, which no rendered object is.
    pub fn new<K>(object: &K, stage: Stage, role: Role) -> Result<Self, PlanError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        Ok(Self::of(Draft::new(object)?, stage, role))
    }

    /// What is to be written, of that stage and role.
    #[must_use]
    pub const fn of(draft: Draft, stage: Stage, role: Role) -> Self {
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

/// The ports under which pods still call each other, whatever the spec now says: a pod was told its peers'
/// addresses when it was made.
#[must_use]
pub fn ports_in_use(world: &World) -> PortsInUse {
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

/// The objects of one component of `app`, as they were rendered. Where no `PodMonitors` find its metrics, the
/// Service of its environment says where they are.
///
/// # Errors
/// When an object can't be written as JSON, which no rendered object is.
pub fn of_component(
    app: &Application,
    rendered: RenderedComponent,
    monitors_pods: bool,
) -> Result<Vec<Desired>, PlanError> {
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
    let of_it = |desired| Desired {
        component: Some(name),
        ..desired
    };
    Ok(own.into_iter().map(of_it).collect())
}

/// Adds objects of one kind.
///
/// # Errors
/// When one can't be written as JSON, which no rendered object is.
pub fn extend<'a, K>(
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
