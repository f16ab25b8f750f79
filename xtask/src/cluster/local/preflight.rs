//! What must be so before anything is made.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use super::layout::Layout;
use super::{process, procfs};
use crate::cluster::record::Network;
use crate::paths;
use crate::tools::packages;

/// What other than the local cluster there is to use.
const OTHERS: &str = "use `--cluster kind` (needs Docker and kind) or `--cluster current \
                      --context NAME` (a cluster that is there already)";
/// Debian's packages for a control plane alone.
const CONTROL_PLANE: &[&str] = &["iproute2"];
/// Debian's packages for nodes.
const NODES: &[&str] = &[
    "iproute2",
    "containerd",
    "runc",
    "containernetworking-plugins",
    "nftables",
    "iptables",
];
/// Debian's packages that Cilium needs beside those: it compiles its programs for the kernel itself.
const CILIUM: &[&str] = &["clang-19", "bpftool"];
/// The longest folder that leaves room for sockets below it: their paths have at most 107 bytes.
const LONGEST_FOLDER: usize = 70;

/// Fails, and says what to use instead, where the local cluster can't run.
///
/// # Errors
/// This is not Linux, not root, or a machine that is a Kubernetes node itself; the folder's path is
/// too long.
pub(super) fn check(layout: &Layout) -> Result<()> {
    check_root()?;
    check_folder(layout.folder())?;
    if !Path::new("/sys/fs/cgroup").exists() {
        bail!("control groups are not mounted at /sys/fs/cgroup: {OTHERS}");
    }
    if let Some(pid) = foreign_kubelet() {
        bail!("this machine is a node of another cluster (kubelet is process {pid}): {OTHERS}");
    }
    Ok(())
}

fn check_folder(folder: &Path) -> Result<()> {
    if folder.as_os_str().len() > LONGEST_FOLDER {
        bail!(
            "{} is too long for the sockets below it: choose a folder of at most {LONGEST_FOLDER} \
             bytes with RESTAPI_STATE",
            folder.display()
        );
    }
    Ok(())
}

/// Fails, and says what to use instead, without Linux and root.
///
/// # Errors
/// This is not Linux or not root.
pub(super) fn check_root() -> Result<()> {
    if std::env::consts::OS != "linux" {
        bail!(
            "the local cluster runs on Linux only, this is {}: {OTHERS}",
            std::env::consts::OS
        );
    }
    if !paths::is_root() {
        bail!(
            "the local cluster needs root (it makes networks and containers): run as root, or \
             {OTHERS}"
        );
    }
    Ok(())
}

/// Installs the missing packages for a cluster with this many nodes and this network.
///
/// # Errors
/// As [`packages::ensure`].
pub(super) fn packages(nodes: u8, network: Network, no_install: bool) -> Result<()> {
    let mut needed = if nodes == 0 { CONTROL_PLANE } else { NODES }.to_vec();
    if nodes > 0 && network == Network::Cilium {
        needed.extend(CILIUM);
    }
    packages::ensure(&needed, no_install)
}

/// A kubelet that no cluster of ours started. Two kubelets that don't know of each other would
/// share the one socket for device plugins.
fn foreign_kubelet() -> Option<procfs::Pid> {
    let mark = format!("{}=", process::MARK);
    procfs::processes()
        .into_iter()
        .filter(|pid| procfs::program(*pid).as_deref() == Some("kubelet"))
        .find(|pid| {
            // A process that is just ending has no environment any more.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            !environment.is_empty() && !holds(&environment, mark.as_bytes())
        })
}

/// Whether a variable of a process's environment begins so.
fn holds(environment: &[u8], beginning: &[u8]) -> bool {
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_variable_is_a_mark() {
        assert!(holds(
            b"PATH=/bin\0RESTAPI_CLUSTER=/x\0",
            b"RESTAPI_CLUSTER="
        ));
        assert!(!holds(b"PATH=RESTAPI_CLUSTER=/x\0", b"RESTAPI_CLUSTER="));
    }

    #[test]
    fn a_folder_whose_sockets_would_not_fit_is_refused() {
        let folder = format!("/{}", "a".repeat(LONGEST_FOLDER));
        let error = check_folder(Path::new(&folder)).unwrap_err().to_string();
        assert!(error.contains("RESTAPI_STATE"), "{error}");
        assert!(check_folder(Path::new("/var/lib/restapi-cluster/restapi")).is_ok());
    }
}
