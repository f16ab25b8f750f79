//! Scaling down what served before. It is never deleted: whoever made it may want it back, and deletes it himself.

use crate::adoption::{Adoption, Fate, Record, predecessors};
use crate::kinds::Role;
use crate::plan::Step;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use kube::discovery::ApiResource;
use manager_kit::cache::version;
use manager_kit::writer::{Draft, Guard, Write};
use restapi_types::keys;
use serde_json::json;

use super::super::compare::set;

/// The Deployments that still have to be scaled down.
#[derive(Default)]
pub(super) struct Pending<'a> {
    /// Now.
    pub(super) going: Vec<&'a Deployment>,
    /// Whether others follow.
    pub(super) waits: bool,
}

/// The Deployments that the Service with that record selected before, and that have to go.
pub(super) fn pending<'a>(adoption: &'a Adoption, record: &Record, uid: &str) -> Pending<'a> {
    let mut pending = Pending::default();
    for (deployment, fate) in predecessors(adoption, record, uid) {
        match fate {
            Fate::Goes => pending.going.push(deployment),
            Fate::Waits => pending.waits = true,
            Fate::Gone | Fate::Serves(_) | Fate::Made(_) => {}
        }
    }
    pending
}

/// The write that scales a Deployment to 0, and says on it which Service selects others now.
pub(super) fn step(deployment: &Deployment, service: &str) -> Step {
    let resource = ApiResource::erase::<Deployment>(&());
    let mut body = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": deployment.name_any(), "namespace": deployment.namespace()},
        "spec": {"replicas": 0},
    });
    set(&mut body, "annotations", keys::REPLACED, service);
    let draft = Draft {
        resource,
        name: deployment.name_any(),
        body,
    };
    Step {
        role: Role::Workloads,
        write: Write::Apply(draft, version(deployment), Guard::Unchanged),
    }
}
