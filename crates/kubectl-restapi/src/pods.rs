//! What a pod looks like, in the words that `kubectl get pods` has for it. Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use kube::ResourceExt as _;
use serde::Serialize;

/// A pod, as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodLine {
    /// Its name.
    pub name: String,
    /// How many of its containers are ready.
    pub ready: usize,
    /// Of how many.
    pub wanted: usize,
    /// What it does or lacks, in a word.
    pub status: String,
    /// How often its containers were started again.
    pub restarts: i32,
    /// Since when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// A pod, as people see it.
#[must_use]
pub fn line(pod: &Pod) -> PodLine {
    let empty = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&empty);
    let spec = pod.spec.as_ref();
    let inits = spec.and_then(|spec| spec.init_containers.as_deref());
    // A sidecar is an init container that goes on running.
    let sidecars = inits.unwrap_or_default().iter();
    let sidecars = sidecars.filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let sidecars: Vec<_> = sidecars.map(|container| container.name.as_str()).collect();
    let beside = status.init_container_statuses.iter().flatten();
    let beside = beside.filter(|status| sidecars.contains(&status.name.as_str()));
    let running: Vec<_> = status
        .container_statuses
        .iter()
        .flatten()
        .chain(beside)
        .collect();
    let containers = spec.map_or(0, |spec| spec.containers.len());
    PodLine {
        name: pod.name_any(),
        ready: running.iter().filter(|status| status.ready).count(),
        wanted: containers + sidecars.len(),
        status: word(pod, status),
        restarts: running.iter().map(|status| status.restart_count).sum(),
        created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
    }
}

fn word(pod: &Pod, status: &PodStatus) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let inits = status.init_container_statuses.iter().flatten();
    let mut inits = inits.filter_map(|container| Some(format!("Init:{}", trouble(container)?)));
    let mut own = status
        .container_statuses
        .iter()
        .flatten()
        .filter_map(trouble);
    let mut conditions = status.conditions.iter().flatten();
    let unscheduled = conditions.find(|c| c.type_ == "PodScheduled" && c.status == "False");
    inits
        .next()
        .or_else(|| own.next())
        .or_else(|| status.reason.clone())
        .or_else(|| unscheduled.and_then(|condition| condition.reason.clone()))
        .or_else(|| status.phase.clone())
        .unwrap_or_else(|| "Unknown".to_owned())
}

/// Why a container does not run, if it does not and should.
fn trouble(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        // Said of each pod that is just being started.
        let reason = waiting.reason.clone()?;
        return (reason != "PodInitializing").then_some(reason);
    }
    let ended = state.terminated.as_ref().filter(|e| e.exit_code != 0)?;
    let code = format!("ExitCode:{}", ended.exit_code);
    Some(ended.reason.clone().unwrap_or(code))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {
                "containers": [{"name": "view"}],
                "initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}],
            },
            "status": status,
        }))
        .unwrap()
    }

    fn container(name: &str, ready: bool, state: &Value) -> Value {
        json!({"name": name, "image": "", "imageID": "", "ready": ready, "restartCount": 2, "state": state})
    }

    #[rstest]
    #[case(json!({"running": {}}), "Running")]
    #[case(json!({"waiting": {"reason": "CrashLoopBackOff"}}), "CrashLoopBackOff")]
    #[case(json!({"waiting": {"reason": "PodInitializing"}}), "Running")]
    #[case(json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}), "OOMKilled")]
    #[case(json!({"terminated": {"exitCode": 2}}), "ExitCode:2")]
    #[case(json!({"terminated": {"exitCode": 0, "reason": "Completed"}}), "Running")]
    fn a_container_says_why_it_does_not_run(#[case] state: Value, #[case] word: &str) {
        let status =
            json!({"phase": "Running", "containerStatuses": [container("view", false, &state)]});
        assert_eq!(line(&pod(&status)).status, word);
    }

    #[test]
    fn init_containers_come_first() {
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff"}});
        let status = json!({"phase": "Pending", "initContainerStatuses": [container("migrate", false, &waiting)]});
        assert_eq!(line(&pod(&status)).status, "Init:ImagePullBackOff");
    }

    #[test]
    fn a_pod_that_no_node_takes_says_so() {
        let status = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]});
        let line = line(&pod(&status));
        assert_eq!(
            (line.status.as_str(), line.ready, line.wanted),
            ("Unschedulable", 0, 2)
        );
    }

    #[test]
    fn sidecars_count_and_init_containers_do_not() {
        let running = json!({"running": {}});
        let status = json!({
            "phase": "Running", "containerStatuses": [container("view", true, &running)],
            "initContainerStatuses": [container("migrate", true, &json!({"terminated": {"exitCode": 0}})), container("proxy", true, &running)],
        });
        let line = line(&pod(&status));
        assert_eq!((line.ready, line.wanted, line.restarts), (2, 2, 4));
    }

    #[test]
    fn a_pod_that_ends_says_nothing_else() {
        let mut pod = pod(&json!({"phase": "Running"}));
        pod.metadata.deletion_timestamp = pod.metadata.creation_timestamp.clone();
        assert_eq!(line(&pod).status, "Terminating");
    }
}
