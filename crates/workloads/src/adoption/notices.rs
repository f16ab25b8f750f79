//! What the status of a component says of the Deployments that it replaced.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use restapi_resources::{Application, Component};
use restapi_types::names;

use super::{Fate, Record, predecessors};
use crate::world::World;

/// How many Deployments are named at most.
const MOST: usize = 8;

/// What is to be said of the Deployments that `component` replaced.
#[must_use]
pub fn notices(app: &Application, component: &Component, world: &World) -> Vec<String> {
    let service = names::stable(&app.name, component.name);
    let service = world.objects.get("Service", &service);
    let record = service.and_then(|service| Record::on(service));
    let moved = record.filter(|record| record.moved.is_some());
    let (Some(adoption), Some(record)) = (&world.adoption, moved) else {
        return Vec::new();
    };
    predecessors(adoption, &record, &app.uid)
        .filter_map(|(deployment, fate)| said(deployment, &fate))
        .take(MOST)
        .collect()
}

fn said(deployment: &Deployment, fate: &Fate) -> Option<String> {
    let name = deployment.name_any();
    let runs = deployment.spec.as_ref().and_then(|s| s.replicas) != Some(0);
    Some(match fate {
        Fate::Waits | Fate::Goes => return None,
        Fate::Gone if runs => format!("Deployment {name} was replaced, and runs again: delete it"),
        Fate::Gone => format!("Deployment {name} was replaced and scaled to 0: delete it"),
        Fate::Serves(service) => format!(
            "Deployment {name} was replaced here, and is left running because the Service {service} selects its pods too"
        ),
        Fate::Made(maker) => format!(
            "Deployment {name} was replaced, and is left running because {maker} would scale it up again: remove it there"
        ),
    })
}
