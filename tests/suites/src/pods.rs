//! What is to be known of pods.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};
use kube::ResourceExt as _;
use kube::api::ListParams;
use restapi_types::keys;

use crate::namespace::Namespace;

/// The pods of the application `app`, of one component or of all.
///
/// # Errors
/// When they can't be listed.
pub async fn of(namespace: &Namespace, app: &str, component: Option<&str>) -> Result<Vec<Pod>> {
    let list = ListParams::default().labels(&selector(app, component));
    Ok(namespace.api::<Pod>().list(&list).await?.items)
}

/// What selects the pods of the application `app`, of one component or of all.
#[must_use]
pub fn selector(app: &str, component: Option<&str>) -> String {
    let all = format!("{}={app}", keys::INSTANCE);
    component.map_or(all.clone(), |component| {
        format!("{all},{}={component}", keys::COMPONENT)
    })
}

/// Whether the pod is ready and not on its way out.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions
            .into_iter()
            .flatten()
            .any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Why a container of the pod waits, if one does.
#[must_use]
pub fn waiting(pod: &Pod) -> Option<&ContainerStateWaiting> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    containers
        .iter()
        .find_map(|container| container.state.as_ref()?.waiting.as_ref())
}

/// The component that the pod plays.
#[must_use]
pub fn component(pod: &Pod) -> &str {
    pod.labels().get(keys::COMPONENT).map_or("", String::as_str)
}

/// The hash of the pod's template.
#[must_use]
pub fn version(pod: &Pod) -> &str {
    pod.labels()
        .get("pod-template-hash")
        .map_or("", String::as_str)
}

/// The image of the pod's container.
#[must_use]
pub fn image(pod: &Pod) -> &str {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    container
        .and_then(|container| container.image.as_deref())
        .unwrap_or("")
}

/// The pod's address.
///
/// # Errors
/// When it has none yet.
pub fn address(pod: &Pod) -> Result<&str> {
    let address = pod
        .status
        .as_ref()
        .and_then(|status| status.pod_ip.as_deref());
    address.with_context(|| format!("{} has no address yet", pod.name_any()))
}

/// The node of each pod, by the pod's name.
#[must_use]
pub fn nodes(pods: &[Pod]) -> BTreeMap<String, String> {
    let node = |pod: &Pod| pod.spec.as_ref()?.node_name.clone();
    pods.iter()
        .map(|pod| (pod.name_any(), node(pod).unwrap_or_default()))
        .collect()
}
