//! `cargo xtask down`: everything that a local cluster has made goes, but the cache.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use super::layout::Layout;
use super::plan::{MAX_NODES, NodePlan, Plan};
use super::{cgroup, kernel, leftovers, mounts, network, preflight, process, procfs};
use crate::cluster::record::{self, Record};
use crate::paths;
use crate::ui::Progress;

/// Removes the cluster of this name, whatever state it is in.
///
/// # Errors
/// Something can't be removed; what could be is gone, and another `down` goes on from there.
pub(crate) fn down(name: &str) -> Result<()> {
    let folder = paths::cluster(name)?;
    let layout = Layout::new(&folder);
    preflight::check_root()?;
    let _lock = record::lock(&folder)?;
    let nodes = nodes(&layout);
    let progress = Progress::with_total("down", 4);
    progress.step("processes", || end_processes(&layout, &nodes))?;
    progress.step("mounts", || unmount(&layout, &nodes))?;
    progress.step("network and control groups", || {
        network::remove_all(&layout)?;
        nodes
            .iter()
            .try_for_each(|node| cgroup::remove(&node.link()))
    })?;
    kernel::restore(&layout)?;
    progress.step("files", || remove_files(&layout, &nodes))
}

/// The nodes that have left anything: by their folders, so that also those of a run that was killed
/// half-way are found.
fn nodes(layout: &Layout) -> Vec<NodePlan> {
    let recorded = Record::read(layout.folder())
        .ok()
        .flatten()
        .map(|record| record.slot);
    // Where the record is damaged the bridge still tells.
    let Some(slot) = recorded.or_else(|| network::slot(layout)) else {
        return Vec::new();
    };
    let there = |node: &NodePlan| layout.node(*node).folder().exists();
    Plan::new(slot).nodes(MAX_NODES).filter(there).collect()
}

fn end_processes(layout: &Layout, nodes: &[NodePlan]) -> Result<()> {
    process::kill_all(|| {
        let mut found = procfs::with_variable(process::MARK, layout.folder());
        for node in nodes {
            found.extend(cgroup::processes(&node.link()));
        }
        found
    })
}

fn unmount(layout: &Layout, nodes: &[NodePlan]) -> Result<()> {
    for node in nodes {
        leftovers::remove_sockets(&layout.node(*node))?;
        leftovers::remove_network_results(*node)?;
    }
    mounts::remove_below(layout.folder())
}

fn remove_files(layout: &Layout, nodes: &[NodePlan]) -> Result<()> {
    leftovers::remove_log_links(layout)?;
    let folder = layout.folder();
    // A folder of a node tells that something of it may be left; those go last but for the record.
    for node in nodes {
        fs::remove_dir_all(layout.node(*node).folder())?;
    }
    fs::remove_dir_all(folder).with_context(|| format!("can't remove {}", folder.display()))?;
    let Some(clusters) = folder.parent() else {
        return Ok(());
    };
    if is_last(clusters)? {
        leftovers::remove_shared()?;
    }
    Ok(())
}

/// Removes the folder of all clusters when it is empty; returns whether it was.
fn is_last(clusters: &Path) -> Result<bool> {
    match fs::remove_dir(clusters) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) => Err(error).with_context(|| format!("can't remove {}", clusters.display())),
    }
}
