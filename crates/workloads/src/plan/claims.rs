//! Growth of the claims that a StatefulSet's pods have of their own.
//!
//! Kubernetes lets nobody change the templates of these claims. So a StatefulSet that exists keeps the
//! templates that it has, and the claims themselves are told their new size.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use manager_kit::cache::version;
use manager_kit::quantity;
use manager_kit::writer::{Draft, Guard, Write};
use restapi_resources::Component;
use restapi_types::keys;
use serde_json::{Value, json};

use super::Step;
use crate::kinds::Role;
use crate::world::World;

/// Where the templates of claims are in a StatefulSet.
const TEMPLATES: &str = "/spec/volumeClaimTemplates";
/// Where a claim says how much it asks for.
const SIZE: &str = "/spec/resources/requests/storage";

/// Puts the templates that the StatefulSet has in place of those that are wanted.
pub fn keep_templates(draft: &mut Draft, live: &DynamicObject) {
    let kept = live.data.pointer(TEMPLATES).cloned();
    if let (Some(kept), Some(wanted)) = (kept, draft.body.pointer_mut(TEMPLATES)) {
        *wanted = kept;
    }
}

/// Writes that make the claims of each pod of `component` as large as is wanted.
pub fn growth<'a>(component: &'a Component, world: &'a World) -> impl Iterator<Item = Step> + 'a {
    let wanted = component.claim_per_replica().map(|claim| json!(claim.size));
    let claims = world.objects.of("PersistentVolumeClaim");
    let of_component = move |claim: &DynamicObject| {
        let labels = claim.labels();
        labels.get(keys::COMPONENT).map(String::as_str) == Some(component.name.as_str())
            && labels.contains_key(keys::ENVIRONMENT)
            && claim.metadata.deletion_timestamp.is_none()
    };
    claims.filter_map(move |claim| {
        let wanted = wanted.as_ref()?;
        let has = claim.data.pointer(SIZE)?;
        (of_component(claim) && quantity::is_less(has, wanted)).then(|| grow(claim, wanted))
    })
}

fn grow(claim: &DynamicObject, size: &Value) -> Step {
    let resource = ApiResource::erase::<PersistentVolumeClaim>(&());
    let body = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": claim.name_any(), "namespace": claim.namespace()},
        "spec": {"resources": {"requests": {"storage": size}}},
    });
    let draft = Draft {
        resource,
        name: claim.name_any(),
        body,
    };
    Step {
        role: Role::Workloads,
        write: Write::Apply(draft, version(claim), Guard::SameObject),
    }
}
