//! Whether each part of a cluster works.

use std::fmt;

use anyhow::Result;
use serde_json::Value;

use super::api::{self, Api};
use super::layout::Layout;
use super::plan::{NodePlan, Plan};
use super::{addons, cilium, control_plane, extras, fake, network, node, process};
use crate::cluster::record::{Network, Record};

/// The health of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What it is.
    pub(super) name: String,
    /// Whether it works.
    pub(super) state: State,
    /// More about it: a process, a reason, a log.
    pub(super) detail: String,
}

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It works.
    Healthy,
    /// It does not work yet, which does not keep others from working.
    WarmingUp,
    /// It does not work.
    Broken,
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Healthy => "ok",
            Self::WarmingUp => "warming up",
            Self::Broken => "BROKEN",
        })
    }
}

/// The health of every part of the cluster.
///
/// # Errors
/// The kernel's tables can't be read.
pub(super) fn parts(layout: &Layout, record: &Record, api: &Api) -> Result<Vec<Part>> {
    let plan = Plan::new(record.slot);
    let mut parts: Vec<Part> = processes(record)
        .iter()
        .map(|name| running(layout, name))
        .collect();
    let ready = api.is_ready();
    parts.push(part("API", ready, &format!("https://{}:6443", plan.host())));
    let nodes = if ready {
        api.get("/api/v1/nodes").unwrap_or_default()
    } else {
        Value::Null
    };
    for node in plan.nodes(record.nodes) {
        parts.push(self::node(layout, &nodes, node)?);
    }
    if record.fake_nodes > 0 {
        let count = fake::count_ready(&nodes);
        let detail = format!("{count} of {} ready", record.fake_nodes);
        parts.push(part(
            "fake nodes",
            count == usize::from(record.fake_nodes),
            &detail,
        ));
    }
    if record.nodes > 0 {
        parts.push(part(
            "cluster DNS",
            addons::answers(plan),
            &format!("{}:53", plan.dns()),
        ));
        parts.push(metrics(ready, api));
        parts.push(pod_network(layout, record));
    }
    Ok(parts)
}

/// Whether all parts work, but for those that may be warming up.
pub(super) fn is_healthy(parts: &[Part]) -> bool {
    parts.iter().all(|part| part.state != State::Broken)
}

/// Whether this node is ready, in the list of all nodes.
pub(super) fn is_ready(node: &Value) -> bool {
    conditions(node).any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    let conditions = object.pointer("/status/conditions");
    conditions.and_then(Value::as_array).into_iter().flatten()
}

/// The names of all processes that the cluster has.
fn processes(record: &Record) -> Vec<String> {
    let mut names: Vec<String> = control_plane::PROCESSES.map(str::to_owned).into();
    for node in Plan::new(record.slot).nodes(record.nodes) {
        names.extend(node::processes(node, record.network));
    }
    if record.fake_nodes > 0 {
        names.push(fake::PROCESS.to_owned());
    }
    names.extend(
        record
            .with
            .iter()
            .map(|extra| extras::process(*extra).to_owned()),
    );
    names
}

fn running(layout: &Layout, name: &str) -> Part {
    match process::running(layout, name) {
        Some(pid) => part(name, true, &format!("process {pid}")),
        None => part(
            name,
            false,
            &format!("not running, log: {}", layout.log(name).display()),
        ),
    }
}

fn node(layout: &Layout, nodes: &Value, node: NodePlan) -> Result<Part> {
    let name = node.name();
    let ready =
        api::items(nodes).any(|item| api::name(item) == Some(name.as_str()) && is_ready(item));
    let present = network::has_namespace(layout, node)?;
    let detail = match (present, ready) {
        (false, _) => "has no network namespace".to_owned(),
        (true, false) => "not ready".to_owned(),
        (true, true) => format!("{}, pods {}", node.address(), node.pods()),
    };
    Ok(part(&name, present && ready, &detail))
}

/// What connects the pods, and whether what it needs runs on every node.
fn pod_network(layout: &Layout, record: &Record) -> Part {
    let (works, what) = match record.network {
        Network::Bridge => (true, "enforces no NetworkPolicies"),
        Network::Cilium => {
            let mut nodes = Plan::new(record.slot).nodes(record.nodes);
            let runs = |node| process::is_running(layout, &cilium::process_name(node));
            (nodes.all(runs), "enforces NetworkPolicies")
        }
    };
    part(
        "pod network",
        works,
        &format!("{}, {what}", record.network.name()),
    )
}

/// The metrics need a minute after a start; nothing else waits for them.
fn metrics(ready: bool, api: &Api) -> Part {
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io";
    let service = if ready {
        api.get(path).unwrap_or_default()
    } else {
        Value::Null
    };
    let condition = conditions(&service).find(|condition| condition["type"] == "Available");
    let available = condition.is_some_and(|condition| condition["status"] == "True");
    let reason = condition.and_then(|condition| condition["reason"].as_str());
    Part {
        name: "metrics".into(),
        state: if available {
            State::Healthy
        } else {
            State::WarmingUp
        },
        detail: reason.unwrap_or("not there yet").to_owned(),
    }
}

fn part(name: &str, works: bool, detail: &str) -> Part {
    let state = if works { State::Healthy } else { State::Broken };
    Part {
        name: name.to_owned(),
        state,
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::record::Extra;
    use serde_json::json;

    #[test]
    fn warming_up_is_healthy_and_broken_is_not() {
        let warming = Part {
            state: State::WarmingUp,
            ..part("metrics", true, "")
        };
        assert!(is_healthy(&[part("etcd", true, ""), warming.clone()]));
        assert!(!is_healthy(&[part("etcd", false, ""), warming]));
    }

    #[test]
    fn a_node_is_ready_when_it_says_so() {
        let node =
            |status: &str| json!({"status": {"conditions": [{"type": "Ready", "status": status}]}});
        assert!(is_ready(&node("True")));
        assert!(!is_ready(&node("Unknown")));
        assert!(!is_ready(&json!({})));
    }

    #[test]
    fn a_cluster_has_the_processes_of_all_its_nodes() {
        let record = Record {
            fake_nodes: 1,
            ..Record::foreign(crate::cluster::Backend::Local, 2, None)
        };
        let names = processes(&record);
        assert_eq!(names.len(), 4 + 2 * 3 + 1);
        let more = Record {
            network: Network::Cilium,
            with: [Extra::Registry].into(),
            ..record
        };
        assert_eq!(processes(&more).len(), 4 + 2 * 4 + 1 + 1);
        assert!(names.contains(&"kubelet-2".to_owned()), "{names:?}");
    }
}
