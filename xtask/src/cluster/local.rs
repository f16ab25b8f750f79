//! A whole Kubernetes on this machine: the control plane as processes of the host, each node in a
//! network namespace of its own with its own containerd, kubelet and kube-proxy.
//! `docs/local-cluster.md` describes it.

mod addons;
mod api;
mod cgroup;
mod containerd;
pub(super) mod control;
mod control_plane;
mod down;
mod fake;
mod health;
mod images;
mod kernel;
mod kubelet;
mod layout;
mod leftovers;
mod mounts;
mod network;
mod node;
mod pki;
mod plan;
mod preflight;
mod process;
mod procfs;
mod slots;
mod status;
mod up;

use std::path::Path;

use anyhow::Result;

pub(crate) use down::down;
pub(crate) use plan::MAX_NODES;
pub(crate) use status::status;
pub(crate) use up::up;

use super::Target;
use layout::Layout;
use plan::{NodePlan, Plan};

/// Loads an image into every node, and keeps it for nodes that come later.
///
/// # Errors
/// The archive can't be read, or a node refuses it.
pub(super) fn load_image(target: &Target, archive: &Path, reference: &str) -> Result<()> {
    images::load(
        &Layout::new(target.folder()),
        &nodes(target),
        archive,
        reference,
    )
}

/// Whether every node has an image of this reference.
///
/// # Errors
/// A node doesn't answer.
pub(super) fn has_image(target: &Target, reference: &str) -> Result<bool> {
    let layout = Layout::new(target.folder());
    for node in nodes(target) {
        if !containerd::references(&layout, node)?.contains(reference) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn nodes(target: &Target) -> Vec<NodePlan> {
    let record = target.record();
    Plan::new(record.slot).nodes(record.nodes).collect()
}
