//! What exists, by label and owner, and is wanted no more. Never by remembering what was made.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::Service;
use kube::discovery::ApiResource;
use kube::{Resource, ResourceExt as _};
use manager_kit::cache::version;
use manager_kit::tracker::Target;
use manager_kit::writer::Write;
use restapi_resources::controller_revision::HISTORY_LIMIT;
use restapi_resources::{Application, Rendered};
use restapi_types::keys;

use crate::observe::World;

/// Deletes of everything that the application owns and that is not rendered.
pub(super) fn surplus(
    app: &Application,
    rendered: &Rendered,
    revision: &ControllerRevision,
    world: &World,
) -> Vec<Write> {
    let components = &rendered.components;
    let deployments: Vec<_> = components.iter().map(|c| c.deployment.name_any()).collect();
    let services: Vec<_> = components
        .iter()
        .flat_map(|c| [c.coloured.name_any(), c.stable.name_any()])
        .collect();
    let accounts = [rendered.service_account.name_any()];
    let revisions = kept(revision, &world.revisions);
    let idle: Vec<_> = world
        .services
        .iter()
        .filter(|s| !services.contains(&s.name_any()) && !has_pods(s, world))
        .cloned()
        .collect();
    unwanted(app, &world.deployments, &deployments)
        .chain(unwanted(app, &idle, &services))
        .chain(unwanted(app, &world.service_accounts, &accounts))
        .chain(unwanted(app, &world.revisions, &revisions))
        .collect()
}

/// Deletes of those of `existing` that are ours, not already going, and not among `wanted`.
fn unwanted<'a, K: Resource<DynamicType = ()>>(
    app: &'a Application,
    existing: &'a [Arc<K>],
    wanted: &'a [String],
) -> impl Iterator<Item = Write> + 'a {
    existing
        .iter()
        .filter(|o| o.meta().deletion_timestamp.is_none() && !wanted.contains(&o.name_any()))
        .filter(|o| {
            o.owner_references()
                .iter()
                .any(|r| r.uid == app.uid && r.controller == Some(true))
        })
        .map(|o| {
            let target = Target {
                kind: K::kind(&()).into_owned(),
                name: o.name_any(),
            };
            Write::Delete(ApiResource::erase::<K>(&()), target, version(o.as_ref()))
        })
}

/// Whether a Service of one environment still has a pod, or a Deployment that could make one: requests on
/// their way to it must still find it.
fn has_pods(service: &Service, world: &World) -> bool {
    let labels = service.labels();
    let Some(environment) = labels.get(keys::ENVIRONMENT) else {
        return false;
    };
    let component = labels.get(keys::COMPONENT);
    let belongs = |other: &std::collections::BTreeMap<String, String>| {
        other.get(keys::ENVIRONMENT) == Some(environment) && other.get(keys::COMPONENT) == component
    };
    world.pods.iter().any(|pod| belongs(pod.labels()))
        || world
            .deployments
            .iter()
            .any(|deployment| belongs(deployment.labels()))
}

/// The revision that is asked for and the newest of the others.
fn kept(revision: &ControllerRevision, existing: &[Arc<ControllerRevision>]) -> Vec<String> {
    let mut others: Vec<_> = existing
        .iter()
        .filter(|r| r.name_any() != revision.name_any())
        .map(|r| (r.revision, r.name_any()))
        .collect();
    others.sort_by(|a, b| b.cmp(a));
    others
        .into_iter()
        .take(HISTORY_LIMIT)
        .map(|(_, name)| name)
        .chain([revision.name_any()])
        .collect()
}
