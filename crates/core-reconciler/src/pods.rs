//! What pods say about why a component is not ready: the cause, and what to do about it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus,
};
use kube::ResourceExt as _;
use restapi_resources::Component;

/// Why a component is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// A CamelCase word for programs.
    pub reason: &'static str,
    /// What happened, where, and what to do about it.
    pub message: String,
    /// Whether nothing will come of waiting.
    pub is_final: bool,
}

/// The gravest cause that the component's pods name, if any names one.
#[must_use]
pub fn cause(component: &Component, pods: &[Arc<Pod>]) -> Option<Cause> {
    let mut causes: Vec<_> = pods
        .iter()
        .filter(|pod| {
            pod.labels()
                .get(restapi_types::keys::COMPONENT)
                .is_some_and(|c| c == component.name.as_str())
        })
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .filter_map(|pod| of_pod(component, pod))
        .collect();
    // What is final first, then by message, so that the same pods always give the same cause.
    causes.sort_by(|a, b| {
        b.is_final
            .cmp(&a.is_final)
            .then_with(|| a.message.cmp(&b.message))
    });
    causes.into_iter().next()
}

/// How the names of variables end in which pods are told their peers' addresses.
pub const PEER_SUFFIX: &str = "_URL";

/// Drops what nobody reads of a pod: all but labels, deletion, owners, its ports, its peers and its account,
/// and what [`cause`] finds something wrong in. What comes and goes in the life of a pod that is well is left out, so that it is no news to anybody.
pub fn keep_what_is_read(pod: &mut Pod) {
    pod.spec = pod.spec.take().map(|spec| PodSpec {
        service_account_name: spec.service_account_name,
        containers: spec.containers.into_iter().map(ports_and_peers).collect(),
        ..PodSpec::default()
    });
    let meta = &mut pod.metadata;
    (meta.annotations, meta.generation) = (None, None);
    let Some(status) = &mut pod.status else {
        return;
    };
    let (conditions, containers) = (status.conditions.take(), status.container_statuses.take());
    let conditions = conditions.map(|all| {
        let wrong = all.into_iter().filter(may_be_a_cause);
        wrong.collect::<Vec<_>>()
    });
    let containers = containers.map(|all| {
        let waiting = all.into_iter().filter(is_waiting);
        waiting.collect::<Vec<_>>()
    });
    *status = PodStatus {
        conditions: conditions.filter(|all| !all.is_empty()),
        container_statuses: containers.filter(|all| !all.is_empty()),
        ..PodStatus::default()
    };
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

/// Whether a condition of a pod is one that [`cause`] reads and finds something wrong in.
fn may_be_a_cause(condition: &PodCondition) -> bool {
    condition.type_ == "PodScheduled" && condition.status == "False"
}

/// Whether a container waits for something, which [`cause`] reads.
fn is_waiting(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    state.is_some_and(|state| state.waiting.is_some())
}

fn of_pod(component: &Component, pod: &Pod) -> Option<Cause> {
    let status = pod.status.as_ref()?;
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    containers.iter().find_map(|container| of_container(component, pod, container)).or_else(|| {
        let condition = status.conditions.as_ref()?.iter().find(|c| may_be_a_cause(c))?;
        let found = condition.message.as_deref().unwrap_or("no node was found");
        Some(Cause {
            reason: "Unschedulable",
            message: format!(
                "no node takes a pod of it: {found}; lower spec.{}.resources.requests or add nodes",
                component.name
            ),
            is_final: false,
        })
    })
}

fn of_container(component: &Component, pod: &Pod, container: &ContainerStatus) -> Option<Cause> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let said = waiting.message.as_deref().unwrap_or_default();
    let name = component.name;
    let (reason, message, is_final) = match waiting.reason.as_deref()? {
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName"
        | "ImageInspectError" => (
            "ImagePullFailed",
            format!(
                "image {} can't be pulled: {}; correct spec.{name}.image (or spec.image), or make the image available",
                component.image,
                pull_error(said)
            ),
            true,
        ),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => (
            "ContainerRefused",
            format!("the node can't start the container: {said}; correct the image or spec.{name}"),
            true,
        ),
        "CrashLoopBackOff" => (
            "CrashLooping",
            format!(
                "the program ends again and again{}; see its output: kubectl -n {} logs {} --previous",
                last_exit(container),
                pod.namespace().unwrap_or_default(),
                pod.name_any()
            ),
            true,
        ),
        _ => return None,
    };
    Some(Cause {
        reason,
        message,
        is_final,
    })
}

/// The kubelet's words without what changes from try to try.
fn pull_error(said: &str) -> &str {
    let error = said
        .rsplit_once("ErrImagePull: ")
        .map_or(said, |(_, error)| error);
    if error.is_empty() {
        "the node gives no reason"
    } else {
        error
    }
}

fn last_exit(container: &ContainerStatus) -> String {
    let last = container
        .last_state
        .as_ref()
        .and_then(|s| s.terminated.as_ref());
    last.map_or_else(String::new, |t| {
        format!(
            " (exit code {}, {})",
            t.exit_code,
            t.reason.as_deref().unwrap_or("no reason given")
        )
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn component() -> Component {
        let restapi = crate::fixtures::restapi(&json!({"image": "app:1", "view": {}}));
        restapi_resources::Application::resolve(&restapi)
            .unwrap()
            .components
            .remove(0)
    }

    fn pod(status: &Value) -> Arc<Pod> {
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {"name": "p", "namespace": "shop", "labels": {"app.kubernetes.io/component": "view"}},
                "status": status,
            }))
            .unwrap(),
        )
    }

    fn waiting(reason: &str, message: &str) -> Value {
        json!({"containerStatuses": [{
            "name": "view", "image": "app:1", "imageID": "", "ready": false, "restartCount": 3,
            "state": {"waiting": {"reason": reason, "message": message}},
            "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}},
        }]})
    }

    #[rstest]
    #[case(
        waiting(
            "ImagePullBackOff",
            "Back-off pulling image \"app:1\": ErrImagePull: not found"
        ),
        "ImagePullFailed",
        "app:1 can't be pulled: not found; correct spec.view.image"
    )]
    #[case(
        waiting("ErrImagePull", "not found"),
        "ImagePullFailed",
        "app:1 can't be pulled: not found; correct spec.view.image"
    )]
    #[case(
        waiting(
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root"
        ),
        "ContainerRefused",
        "will run as root"
    )]
    #[case(
        waiting("CrashLoopBackOff", "back-off 20s"),
        "CrashLooping",
        "(exit code 7, Error)"
    )]
    #[case(json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}), "Unschedulable", "0/1 nodes; lower spec.view.resources.requests")]
    fn causes_name_field_and_fix(#[case] status: Value, #[case] reason: &str, #[case] part: &str) {
        let cause = cause(&component(), &[pod(&status)]).unwrap();
        assert_eq!(cause.reason, reason);
        assert!(cause.message.contains(part), "{}", cause.message);
    }

    #[rstest]
    #[case(waiting("ErrImagePull", "not found"))]
    #[case(waiting("CrashLoopBackOff", "back-off 20s"))]
    #[case(json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}))]
    fn what_is_kept_names_the_same_cause(#[case] status: Value) {
        let whole = pod(&status);
        let mut kept = Pod::clone(&whole);
        keep_what_is_read(&mut kept);
        let kept = cause(&component(), &[Arc::new(kept)]);
        assert!(kept.is_some());
        assert_eq!(kept, cause(&component(), &[whole]));
    }

    #[test]
    fn the_life_of_a_pod_that_is_well_is_no_news() {
        let scheduled = json!({"type": "PodScheduled", "status": "True"});
        let running = json!({
            "phase": "Running", "podIP": "10.0.0.1", "startTime": "2026-01-01T00:00:00Z",
            "conditions": [scheduled, {"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "view", "image": "app:1", "imageID": "x", "ready": true,
                                   "restartCount": 0, "state": {"running": {}}}],
        });
        let states = [
            json!({}),
            json!({"phase": "Pending", "conditions": [scheduled]}),
            running,
        ];
        let kept = states.map(|status| {
            let mut pod = Pod::clone(&pod(&status));
            keep_what_is_read(&mut pod);
            pod
        });
        assert!(kept.iter().all(|pod| *pod == kept[0]), "{kept:?}");
    }

    #[test]
    fn a_pod_that_is_starting_or_going_names_no_cause() {
        assert_eq!(
            cause(&component(), &[pod(&waiting("ContainerCreating", ""))]),
            None
        );
        let mut going = Arc::unwrap_or_clone(pod(&waiting("ErrImagePull", "x")));
        going.metadata.deletion_timestamp = Some(
            k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH),
        );
        assert_eq!(cause(&component(), &[Arc::new(going)]), None);
    }
}
