//! One node: its namespace, its groups, containerd, kubelet and kube-proxy; made, brought back and
//! removed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::api::Api;
use super::layout::Layout;
use super::plan::{NodePlan, Plan};
use super::{
    cgroup, cilium, containerd, images, kubelet, leftovers, mounts, network, process, procfs,
};
use crate::cluster::record::Network;

/// Makes all of a node that does not need the API server. A node whose containers have all gone,
/// as after a reboot, starts with what a reboot leaves.
///
/// # Errors
/// A part of it can't be made: the error names it.
pub(super) fn prepare(
    layout: &Layout,
    plan: Plan,
    node: NodePlan,
    count: u8,
    network: Network,
) -> Result<()> {
    let name = node.name();
    if !survived(layout, node)? {
        reset(layout, node).with_context(|| format!("{name}: clearing what was left"))?;
    }
    fs::create_dir_all(layout.node(node).folder())?;
    network::ensure_node(layout, plan, node).with_context(|| format!("{name}: network"))?;
    network::ensure_routes(layout, plan, node, count).with_context(|| format!("{name}: routes"))?;
    cgroup::ensure(&node.link()).with_context(|| format!("{name}: control groups"))?;
    if network == Network::Cilium {
        cilium::prepare(layout, node).with_context(|| format!("{name}: Cilium"))?;
    }
    containerd::ensure(layout, node, network).with_context(|| format!("{name}: containerd"))?;
    images::ensure(layout, node).with_context(|| format!("{name}: images"))
}

/// The node's object, which gives it the range of its pods; kubelet adds the rest.
pub(super) fn object(node: NodePlan) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name()},
        "spec": {"podCIDR": node.pods(), "podCIDRs": [node.pods()]},
    })
}

/// Starts the node's kubelet, kube-proxy and what else its network needs, unless they run.
///
/// # Errors
/// A program can't be built or started.
pub(super) fn start(layout: &Layout, plan: Plan, node: NodePlan, network: Network) -> Result<()> {
    kubelet::ensure(layout, plan, node)?;
    match network {
        Network::Bridge => Ok(()),
        Network::Cilium => cilium::ensure(layout, plan, node),
    }
}

/// Starts the node's kubelet again where it met another one at the socket that all share.
///
/// # Errors
/// It can't be started.
pub(super) fn start_again(layout: &Layout, plan: Plan, node: NodePlan) -> Result<()> {
    if kubelet::has_clashed(layout, node) {
        kubelet::ensure(layout, plan, node)?;
    }
    Ok(())
}

/// Fails when one of the node's processes has ended.
///
/// # Errors
/// One has ended: the error has the end of its log.
pub(super) fn check(layout: &Layout, node: NodePlan, network: Network) -> Result<()> {
    processes(node, network)
        .iter()
        .try_for_each(|name| process::check(layout, name))
}

/// The names of the node's processes.
pub(super) fn processes(node: NodePlan, network: Network) -> Vec<String> {
    let mut names = vec![
        containerd::process_name(node),
        kubelet::kubelet_name(node),
        kubelet::proxy_name(node),
    ];
    if network == Network::Cilium {
        names.push(cilium::process_name(node));
    }
    names
}

/// Removes a node from a cluster that stays.
///
/// # Errors
/// Something of it can't be removed.
pub(super) fn remove(layout: &Layout, api: &Api, node: NodePlan, network: Network) -> Result<()> {
    api.delete(&["node", &node.name()])?;
    if network == Network::Cilium {
        cilium::forget(api, node)?;
    }
    reset(layout, node)?;
    cgroup::remove(&node.link())?;
    network::remove_node(layout, node)?;
    for name in processes(node, network) {
        process::stop(layout, &name)?;
    }
    Ok(fs::remove_dir_all(layout.node(node).folder())?)
}

/// Whether what ran on the node still does: then missing processes are started again and find it.
fn survived(layout: &Layout, node: NodePlan) -> Result<bool> {
    Ok(network::has_namespace(layout, node)?
        && (process::is_running(layout, &containerd::process_name(node))
            || containerd::has_living_containers(layout, node)))
}

/// Ends everything that runs on the node, and leaves what a reboot would: images, what containerd
/// and kubelet have on disk, and no container.
fn reset(layout: &Layout, node: NodePlan) -> Result<()> {
    let files = layout.node(node);
    if !files.folder().exists() {
        return Ok(());
    }
    process::kill_all(|| {
        let mut found = of_node(layout, files.folder());
        found.extend(cgroup::processes(&node.link()));
        found
    })?;
    leftovers::remove_sockets(&files)?;
    mounts::remove_below(files.folder())?;
    network::remove_node(layout, node)?;
    for gone in [files.containerd_state(), files.runc(), files.leases()] {
        if gone.exists() {
            fs::remove_dir_all(&gone)?;
        }
    }
    leftovers::remove_network_results(node)
}

/// The cluster's processes that name the node's folder among their arguments.
fn of_node(layout: &Layout, folder: &Path) -> Vec<procfs::Pid> {
    let prefix = format!("{}/", folder.display());
    let names = |pid: &procfs::Pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&prefix)
    };
    let mut found = procfs::with_variable(process::MARK, layout.folder());
    found.retain(names);
    found
}
