//! What the programs of a node leave at places of their own choice, outside the cluster's folder.
//! Only what is recognisably this cluster's is removed, and folders only when they are empty.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use super::containerd;
use super::layout::{Layout, NodeLayout};
use super::plan::NodePlan;

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
    containerd::shim_sockets(files).iter().try_for_each(|socket| remove_file(socket))
}

/// Removes the results of the network plugins for the node's pods.
///
/// # Errors
/// One can't be removed.
pub(super) fn remove_network_results(node: NodePlan) -> Result<()> {
    let prefix = format!("{}-", node.link());
    let Ok(entries) = fs::read_dir(NETWORK_RESULTS) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes the links to logs of this cluster's containers.
///
/// # Errors
/// One can't be removed.
pub(super) fn remove_log_links(layout: &Layout) -> Result<()> {
    let Ok(entries) = fs::read_dir(LOG_LINKS) else { return Ok(()) };
    for entry in entries.flatten() {
        if fs::read_link(entry.path()).is_ok_and(|to| to.starts_with(layout.folder())) {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes what all clusters of the machine share, after the last of them: kubelet's socket for
/// device plugins, and the folders, if nobody else has anything in them.
///
/// # Errors
/// Something that is empty can't be removed.
pub(super) fn remove_shared() -> Result<()> {
    remove_file(&Path::new(DEVICE_PLUGINS).join("kubelet.sock"))?;
    let folders = [
        DEVICE_PLUGINS,
        "/var/lib/kubelet",
        NETWORK_RESULTS,
        "/var/lib/cni",
        LOG_LINKS,
        "/run/containerd/s",
        "/run/containerd",
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
