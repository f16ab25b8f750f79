//! `cargo xtask control`: parts of the control plane of a local cluster, stopped and started one by one, for
//! benches and for tests of what happens without them.

use anyhow::{Result, ensure};

use super::api::Api;
use super::layout::Layout;
use super::plan::Plan;
use super::{control_plane, process};
use crate::cluster::Target;
use crate::cluster::record;

/// Ends a process of the control plane, which stays stopped until [`start`] or `up`.
///
/// # Errors
/// There is no process of this name, or it doesn't end.
pub(crate) fn stop(target: &Target, name: &str) -> Result<()> {
    let known = control_plane::PROCESSES;
    ensure!(
        known.contains(&name),
        "the control plane has no process {name:?}: choose one of {}",
        known.join(", ")
    );
    let layout = Layout::new(target.folder());
    let _lock = record::lock(layout.folder())?;
    process::stop(&layout, name)
}

/// Starts what of the control plane doesn't run, and waits until the API server is ready.
///
/// # Errors
/// A process doesn't start, or the API server isn't ready in time.
pub(crate) fn start(target: &Target) -> Result<()> {
    let layout = Layout::new(target.folder());
    let _lock = record::lock(layout.folder())?;
    let (plan, speaks) = (Plan::new(target.record().slot), target.record().speaks);
    let api = Api::new(&layout)?;
    control_plane::start_store_and_api(&layout, plan, speaks)?;
    control_plane::wait_for_api(&layout, plan, &api)?;
    control_plane::start_controllers(&layout, plan, speaks)
}
