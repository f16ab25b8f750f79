//! What pods say about why a component is not ready: the cause, and what to do about it.

mod containers;
mod kept;
mod rejected;
mod template;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use restapi_resources::Component;
use restapi_types::keys;

pub use kept::{PEER_SUFFIX, has_failed, keep_what_is_read};

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

/// The gravest cause that the component's pods of the newest template name, if any names one.
#[must_use]
pub fn cause(component: &Component, pods: &[Arc<Pod>]) -> Option<Cause> {
    let own = pods.iter().map(Arc::as_ref).filter(|pod| {
        let name = pod.labels().get(keys::COMPONENT);
        name.is_some_and(|name| name == component.name.as_str())
            && pod.metadata.deletion_timestamp.is_none()
    });
    let own = template::newest(own);
    let mut causes: Vec<_> = own
        .iter()
        .filter_map(|pod| of_pod(component, pod))
        .chain(rejected::cause(component, &own))
        .collect();
    // What is final first, then by message, so that the same pods always give the same cause.
    causes.sort_by(|a, b| {
        b.is_final
            .cmp(&a.is_final)
            .then_with(|| a.message.cmp(&b.message))
    });
    causes.into_iter().next()
}

fn of_pod(component: &Component, pod: &Pod) -> Option<Cause> {
    if has_failed(pod) {
        return None;
    }
    let status = pod.status.as_ref()?;
    let init = status.init_container_statuses.iter().flatten();
    let mut all = init.chain(status.container_statuses.iter().flatten());
    all.find_map(|container| containers::cause(component, pod, container))
        .or_else(|| {
            let mut conditions = status.conditions.iter().flatten();
            let condition = conditions.find(|c| kept::may_be_a_cause(c))?;
            Some(unschedulable(component, condition.message.as_deref()))
        })
}

fn unschedulable(component: &Component, said: Option<&str>) -> Cause {
    let found = said.unwrap_or("no node was found");
    let name = component.name;
    let storage = component.spec.persistence.as_ref();
    let (reason, message) = match storage.filter(|_| found.contains("unbound immediate")) {
        Some(storage) => {
            let class = match &storage.storage_class_name {
                Some(class) => format!("the StorageClass {class}"),
                None => "a default StorageClass".to_owned(),
            };
            let message = format!(
                "its storage is not there yet: {found}; see that {class} exists and can make volumes, or change spec.{name}.persistence.storageClassName"
            );
            ("StorageUnbound", message)
        }
        None => (
            "Unschedulable",
            format!(
                "no node takes a pod of it: {found}; lower spec.{name}.resources.requests or add nodes"
            ),
        ),
    };
    Cause {
        reason,
        message,
        is_final: false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    pub(super) fn component() -> Component {
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

    /// The same of a container that runs before the component's own.
    fn beside(reason: &str, message: &str) -> Value {
        let mut status = waiting(reason, message);
        let mut container = status["containerStatuses"][0].take();
        container["name"] = json!("migrate");
        container["image"] = json!("db:2");
        json!({"initContainerStatuses": [container]})
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
    #[case(
        beside("CrashLoopBackOff", "back-off 20s"),
        "CrashLooping",
        "the program migrate ends again and again (exit code 7, Error); see its output: kubectl -n shop logs p -c migrate"
    )]
    #[case(
        beside("ErrImagePull", "not found"),
        "ImagePullFailed",
        "image db:2 can't be pulled: not found; correct that of migrate in spec.view"
    )]
    fn causes_name_field_and_fix(#[case] status: Value, #[case] reason: &str, #[case] part: &str) {
        let cause = cause(&component(), &[pod(&status)]).unwrap();
        assert_eq!(cause.reason, reason);
        assert!(cause.message.contains(part), "{}", cause.message);
    }

    #[rstest]
    #[case(Some("slow"), "see that the StorageClass slow exists")]
    #[case(None, "see that a default StorageClass exists")]
    fn storage_that_does_not_come_is_told_with_its_class(
        #[case] class: Option<&str>,
        #[case] part: &str,
    ) {
        let persistence = json!({"size": "1Gi", "mountPath": "/data", "retention": "Delete", "storageClassName": class});
        let spec = json!({"image": "app:1", "view": {"persistence": persistence}});
        let restapi = crate::fixtures::restapi(&spec);
        let app = restapi_resources::Application::resolve(&restapi).unwrap();
        let said = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
        let condition = json!({"type": "PodScheduled", "status": "False", "message": said});
        let pods = [pod(&json!({"conditions": [condition]}))];
        let cause = cause(&app.components[0], &pods).unwrap();
        assert_eq!(cause.reason, "StorageUnbound");
        assert!(cause.message.contains(part), "{}", cause.message);
    }

    #[rstest]
    #[case(waiting("ErrImagePull", "not found"))]
    #[case(waiting("CrashLoopBackOff", "back-off 20s"))]
    #[case(beside("CrashLoopBackOff", "back-off 20s"))]
    #[case(json!({"phase": "Failed", "reason": "AppArmor", "message": "is not enabled"}))]
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
