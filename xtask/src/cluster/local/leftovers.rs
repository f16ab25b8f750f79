//! What the programs of a node leave at places of their own choice, outside the cluster's folder.
//! Only what is recognisably this cluster's is removed, and folders only when they are empty.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use super::layout::{Layout, NodeLayout};
use super::plan::NodePlan;
use super::{cilium, containerd, procfs};

/// Where the CNI plugins keep the results of their calls, as `NETWORK-CONTAINER-INTERFACE`.
const NETWORK_RESULTS: &str = "/var/lib/cni/results";
/// Where kubelet links the logs of containers.
const LOG_LINKS: &str = "/var/log/containers";
/// Where kubelet listens for device plugins, whatever its folder.
const DEVICE_PLUGINS: &str = "/var/lib/kubelet/device-plugins";

/// Removes the sockets of the processes that watched the node's containers.
///
/// # Errors
/// One can't be removed.
pub(super) fn remove_sockets(files: &NodeLayout) -> Result<()> {
    containerd::shim_sockets(files)
        .iter()
        .try_for_each(|socket| remove_file(socket))
}

/// Removes the results of the network plugins for the node's pods: those of the pod network, which
/// has the node's name, and for the same pods those of the loopback, which has one name everywhere.
///
/// # Errors
/// One can't be removed.
pub(super) fn remove_network_results(node: NodePlan) -> Result<()> {
    let folder = Path::new(NETWORK_RESULTS);
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if let Some(pod) = pod_of_result(&name.to_string_lossy(), node) {
            remove_file(&folder.join(format!("cni-loopback-{pod}-lo")))?;
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// The pod of a result of the node's pod network.
fn pod_of_result(name: &str, node: NodePlan) -> Option<&str> {
    name.strip_prefix(&format!("{}-", node.link()))?
        .strip_suffix("-eth0")
}

/// Removes the links to logs of this cluster's containers.
///
/// # Errors
/// One can't be removed.
pub(super) fn remove_log_links(layout: &Layout) -> Result<()> {
    let Ok(entries) = fs::read_dir(LOG_LINKS) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        if fs::read_link(entry.path()).is_ok_and(|to| to.starts_with(layout.folder())) {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes what all clusters of the machine share, after the last of them: kubelet's socket for
/// device plugins, unless another runs, and the folders, if nobody else has anything in them.
///
/// # Errors
/// Something that is empty can't be removed.
pub(super) fn remove_shared() -> Result<()> {
    let kubelet = |pid: &procfs::Pid| procfs::program(*pid).as_deref() == Some("kubelet");
    if !procfs::processes().iter().any(kubelet) {
        remove_file(&Path::new(DEVICE_PLUGINS).join("kubelet.sock"))?;
    }
    let folders = [
        DEVICE_PLUGINS,
        "/var/lib/kubelet",
        NETWORK_RESULTS,
        "/var/lib/cni",
        LOG_LINKS,
        "/run/containerd/s",
        "/run/containerd",
        "/run/mount",
        cilium::RUN,
    ];
    for folder in folders {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            result => result.with_context(|| format!("can't remove the empty {folder}"))?,
        }
    }
    Ok(())
}

fn remove_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.with_context(|| format!("can't remove {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::local::plan::Plan;

    #[test]
    fn only_the_nodes_own_results_are_found() {
        let node = Plan::new(0).node(1);
        assert_eq!(pod_of_result("ra0-1-abc-eth0", node), Some("abc"));
        for other in ["ra0-10-abc-eth0", "ra1-1-abc-eth0", "cni-loopback-abc-lo"] {
            assert_eq!(pod_of_result(other, node), None, "{other}");
        }
    }
}
