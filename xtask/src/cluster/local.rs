//! A whole Kubernetes on this machine: the control plane as processes of the host, each node in a
//! network namespace of its own with its own containerd, kubelet and kube-proxy.
//! `docs/local-cluster.md` describes it.

mod addons;
mod api;
mod cgroup;
mod cilium;
mod containerd;
pub(super) mod control;
mod control_plane;
mod down;
mod extras;
mod fake;
mod health;
mod images;
mod ingress;
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
mod registry;
mod slots;
mod status;
mod up;
mod wanted;

use std::path::{Path, PathBuf};

use anyhow::Result;

pub(crate) use down::down;
pub(crate) use ingress::Addresses;
pub(crate) use plan::MAX_NODES;
pub(crate) use registry::Access;
pub(crate) use status::status;
pub(crate) use up::up;

use super::Target;
use crate::tools::Tool;
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

/// The image of one of the programs that are built here, and what it is called.
///
/// # Errors
/// The program can't be built or the archive can't be written.
pub(super) fn image_of(tool: Tool, user: &str) -> Result<(PathBuf, String)> {
    images::of_program(tool, user)
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

/// How to reach and use the cluster's registry.
///
/// # Errors
/// The cluster has none.
pub(super) fn registry(target: &Target) -> Result<Access> {
    registry::access(&Layout::new(target.folder()), plan(target))
}

/// Pushes an image to the cluster's registry: see [`registry::push`].
///
/// # Errors
/// The cluster has no registry, or it refuses the image.
pub(super) fn push(target: &Target, image: (&Path, &str), name: &str) -> Result<String> {
    let layout = Layout::new(target.folder());
    registry::push(&layout, plan(target), image, name)
}

/// Where the requests go that the cluster's Ingresses and Gateways serve.
pub(super) fn ingress(target: &Target) -> Addresses {
    ingress::addresses(plan(target))
}

fn plan(target: &Target) -> Plan {
    Plan::new(target.record().slot)
}

fn nodes(target: &Target) -> Vec<NodePlan> {
    plan(target).nodes(target.record().nodes).collect()
}
