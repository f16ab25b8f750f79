//! What the caches keep of a pod.

use k8s_openapi::api::core::v1::{
    Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus,
};

/// How the names of variables end in which pods are told their peers' addresses.
pub const PEER_SUFFIX: &str = "_URL";

/// Drops what nobody reads of a pod: all but labels, deletion, owners, its ports, its peers and its account,
/// and what [`super::cause`] finds something wrong in. What comes and goes in the life of a pod that is well is
/// left out, so that it is no news to anybody.
pub fn keep_what_is_read(pod: &mut Pod) {
    pod.spec = pod.spec.take().map(|spec| PodSpec {
        service_account_name: spec.service_account_name,
        containers: spec.containers.into_iter().map(ports_and_peers).collect(),
        ..PodSpec::default()
    });
    let meta = &mut pod.metadata;
    (meta.annotations, meta.generation) = (None, None);
    pod.status = pod.status.take().map(what_is_wrong);
}

fn ports_and_peers(container: Container) -> Container {
    let mut peers = container.env.unwrap_or_default();
    peers.retain(|variable| variable.name.ends_with(PEER_SUFFIX));
    Container {
        name: container.name,
        ports: container.ports,
        env: Some(peers),
        ..Container::default()
    }
}

fn what_is_wrong(status: PodStatus) -> PodStatus {
    if is_failed(&status) {
        return PodStatus {
            phase: status.phase,
            reason: status.reason,
            message: status.message,
            ..PodStatus::default()
        };
    }
    PodStatus {
        conditions: only(status.conditions, may_be_a_cause),
        init_container_statuses: only(status.init_container_statuses, is_waiting),
        container_statuses: only(status.container_statuses, is_waiting),
        ..PodStatus::default()
    }
}

/// Those of a list that are wanted; no list when there are none.
fn only<T>(all: Option<Vec<T>>, is_wanted: impl Fn(&T) -> bool) -> Option<Vec<T>> {
    let mut wanted = all?;
    wanted.retain(is_wanted);
    Some(wanted).filter(|wanted| !wanted.is_empty())
}

/// Whether the pod has ended for ever without success, for example because its node refused it.
#[must_use]
pub fn has_failed(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(is_failed)
}

fn is_failed(status: &PodStatus) -> bool {
    status.phase.as_deref() == Some("Failed")
}

/// Whether a condition of a pod is one that [`super::cause`] reads and finds something wrong in.
pub(super) fn may_be_a_cause(condition: &PodCondition) -> bool {
    condition.type_ == "PodScheduled" && condition.status == "False"
}

/// Whether a container waits for something, which [`super::cause`] reads.
fn is_waiting(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    state.is_some_and(|state| state.waiting.is_some())
}
