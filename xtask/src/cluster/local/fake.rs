//! Nodes that KWOK plays: they take pods, and their pods are Running at once, without any process.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::api::{self, Api};
use super::health;
use super::layout::Layout;
use super::plan::Plan;
use super::process::{self, Daemon};
use crate::tools::{self, Tool};

/// KWOK's name among the cluster's processes.
pub(super) const PROCESS: &str = "kwok";
/// The label, and the key of the taint, of nodes that KWOK plays.
const MARK: &str = "kwok.x-k8s.io/fake";
/// The annotation by which KWOK knows its nodes.
const ANNOTATION: &str = "kwok.x-k8s.io/node";
/// How many nodes are applied at once.
const BATCH: usize = 200;
/// How long the nodes may take until all are ready.
const READY: Duration = Duration::from_mins(2);

/// Makes `count` fake nodes, removes those beyond, and waits until they are ready. Beside real
/// nodes they have a taint, so that only pods that tolerate it land there.
///
/// # Errors
/// KWOK can't be started, the API server refuses a node, or one doesn't get ready.
pub(super) fn ensure(layout: &Layout, plan: Plan, api: &Api, count: u16, real: u8) -> Result<()> {
    remove_beyond(api, count)?;
    if count == 0 {
        return process::stop(layout, PROCESS);
    }
    daemon(layout, plan)?.ensure(layout)?;
    let nodes: Vec<Value> = (1..=count).map(|number| node(number, real > 0)).collect();
    for batch in nodes.chunks(BATCH) {
        api.apply(&json!({"apiVersion": "v1", "kind": "List", "items": batch}).to_string())?;
    }
    let mut ready = 0;
    let mut failure = None;
    let all = process::wait_until(READY, || {
        failure = process::check(layout, PROCESS).err();
        ready = api
            .get("/api/v1/nodes")
            .map_or(0, |nodes| count_ready(&nodes));
        failure.is_some() || ready == usize::from(count)
    });
    match failure {
        Some(error) => Err(error),
        None if all => Ok(()),
        None => bail!(
            "only {ready} of {count} fake nodes are ready, log: {}",
            layout.log(PROCESS).display()
        ),
    }
}

/// How many of the nodes in a list are fake and ready.
pub(super) fn count_ready(nodes: &Value) -> usize {
    api::items(nodes)
        .filter(|node| is_fake(node) && health::is_ready(node))
        .count()
}

fn is_fake(node: &Value) -> bool {
    node.pointer("/metadata/labels")
        .is_some_and(|labels| labels.get(MARK).is_some())
}

fn name(number: u16) -> String {
    format!("fake-{number}")
}

fn remove_beyond(api: &Api, count: u16) -> Result<()> {
    let nodes = api.get(&format!("/api/v1/nodes?labelSelector={MARK}"))?;
    let wanted: std::collections::HashSet<String> = (1..=count).map(name).collect();
    let surplus: Vec<&str> = api::items(&nodes)
        .filter_map(api::name)
        .filter(|name| !wanted.contains(*name))
        .collect();
    if surplus.is_empty() {
        return Ok(());
    }
    api.delete(&[&["node"], surplus.as_slice()].concat())
}

fn node(number: u16, tainted: bool) -> Value {
    let room = json!({"cpu": "64", "memory": "256Gi", "pods": "500"});
    let taint = json!({"key": MARK, "value": "true", "effect": "NoSchedule"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name(number),
            "annotations": {ANNOTATION: "fake"},
            "labels": {
                MARK: "true",
                "kubernetes.io/hostname": name(number),
                "kubernetes.io/os": "linux",
                "type": "kwok",
            },
        },
        "spec": if tainted { json!({"taints": [taint]}) } else { json!({}) },
        "status": {"allocatable": room, "capacity": room},
    })
}

fn daemon(layout: &Layout, plan: Plan) -> Result<Daemon> {
    let config = layout.config("kwok-stages.yaml");
    process::write_private(&config, &stages()?)?;
    Ok(Daemon {
        name: PROCESS.to_owned(),
        program: tools::path(Tool::Kwok)?,
        args: vec![
            format!("--kubeconfig={}", layout.config("kwok.conf").display()),
            format!("--config={}", config.display()),
            "--manage-all-nodes=false".into(),
            format!("--manage-nodes-with-annotation-selector={ANNOTATION}=fake"),
            format!("--cidr={}", plan.fake_pods()),
            format!("--node-ip={}", plan.host()),
            format!("--server-address={}:10247", plan.host()),
            "--node-port=10247".into(),
            "--node-lease-duration-seconds=40".into(),
        ],
        namespace: None,
        inputs: vec![config],
    })
}

/// KWOK's stages, of its own version, as one file.
fn stages() -> Result<String> {
    let folder = tools::data(Tool::Kwok)?;
    let mut files: Vec<_> = fs::read_dir(&folder)
        .with_context(|| format!("can't read {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let texts: Vec<String> = files
        .iter()
        .map(fs::read_to_string)
        .collect::<Result<_, _>>()?;
    if texts.is_empty() {
        bail!(
            "{} holds no stages: remove the folder above it and run this again",
            folder.display()
        );
    }
    Ok(texts.join("\n---\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_beside_real_nodes_fake_ones_are_tainted() {
        assert_eq!(node(1, true)["spec"]["taints"][0]["key"], MARK);
        assert!(node(1, false)["spec"]["taints"].is_null());
    }

    #[test]
    fn only_fake_nodes_that_are_ready_count() {
        let with = |labels: Value, status: &str| {
            json!({"metadata": {"labels": labels},
                   "status": {"conditions": [{"type": "Ready", "status": status}]}})
        };
        let fake = json!({MARK: "true"});
        let items = [
            with(fake.clone(), "True"),
            with(fake, "False"),
            with(json!({}), "True"),
        ];
        assert_eq!(count_ready(&json!({"items": items})), 1);
    }
}
