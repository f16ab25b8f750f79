//! Where the files of a cluster are, below its folder.

use std::path::{Path, PathBuf};

use super::plan::NodePlan;

/// The folder of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    folder: PathBuf,
}

/// The folder of one node of a cluster.
#[derive(Clone, Debug)]
pub(super) struct NodeLayout {
    folder: PathBuf,
}

impl Layout {
    /// The layout of the cluster in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the certificates: `NAME.crt` or `NAME.key`.
    pub(super) fn pki(&self, file: &str) -> PathBuf {
        self.folder.join("pki").join(file)
    }

    /// A configuration file.
    pub(super) fn config(&self, file: &str) -> PathBuf {
        self.folder.join("etc").join(file)
    }

    /// The log of a process.
    pub(super) fn log(&self, process: &str) -> PathBuf {
        self.folder.join("log").join(format!("{process}.log"))
    }

    /// The folder of what is known about running processes.
    pub(super) fn processes(&self) -> PathBuf {
        self.folder.join("processes")
    }

    /// etcd's data.
    pub(super) fn etcd(&self) -> PathBuf {
        self.folder.join("etcd")
    }

    /// The archives of the images that were loaded, for nodes that come later.
    pub(super) fn images(&self) -> PathBuf {
        self.folder.join("images")
    }

    /// A file of the registry.
    pub(super) fn registry(&self, file: &str) -> PathBuf {
        self.folder.join("registry").join(file)
    }

    /// The administrator's kubeconfig.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        super::super::target::kubeconfig(&self.folder)
    }

    /// The files of a node.
    pub(super) fn node(&self, node: NodePlan) -> NodeLayout {
        NodeLayout {
            folder: self.folder.join(node.name()),
        }
    }
}

impl NodeLayout {
    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that holds the node's network namespace open.
    pub(super) fn namespace(&self) -> PathBuf {
        self.folder.join("netns")
    }

    /// A configuration file.
    pub(super) fn config(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// containerd's lasting data: images and what it knows of containers.
    pub(super) fn containerd_root(&self) -> PathBuf {
        self.folder.join("containerd/root")
    }

    /// containerd's data that a reboot ends: running containers.
    pub(super) fn containerd_state(&self) -> PathBuf {
        self.folder.join("containerd/state")
    }

    /// containerd's socket.
    pub(super) fn containerd_socket(&self) -> PathBuf {
        self.folder.join("containerd/containerd.sock")
    }

    /// runc's data about running containers.
    pub(super) fn runc(&self) -> PathBuf {
        self.folder.join("containerd/runc")
    }

    /// The folder of the pod network's configuration.
    pub(super) fn cni(&self) -> PathBuf {
        self.folder.join("cni")
    }

    /// A file of the node's Cilium.
    pub(super) fn cilium(&self, file: &str) -> PathBuf {
        self.folder.join("cilium").join(file)
    }

    /// What containerd is told about registries: a folder for each.
    pub(super) fn registries(&self) -> PathBuf {
        self.folder.join("registries")
    }

    /// The pods' addresses in use.
    pub(super) fn leases(&self) -> PathBuf {
        self.folder.join("leases")
    }

    /// kubelet's data, with the pods' volumes.
    pub(super) fn kubelet(&self) -> PathBuf {
        self.folder.join("kubelet")
    }

    /// The folders of the claims whose pods run here.
    pub(super) fn volumes(&self) -> PathBuf {
        self.folder.join("volumes")
    }

    /// The pods' logs.
    pub(super) fn pod_logs(&self) -> PathBuf {
        self.folder.join("pods")
    }
}
