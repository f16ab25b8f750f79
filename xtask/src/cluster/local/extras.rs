//! The parts that a cluster has only when they are asked for.

use anyhow::Result;

use super::api::Api;
use super::layout::Layout;
use super::plan::{NodePlan, Plan};
use super::{ingress, registry};
use crate::cluster::record::Extra;

/// Brings up one of them, unless it is.
///
/// # Errors
/// Its program can't be built or started, or it doesn't answer.
pub(super) fn ensure(
    extra: Extra,
    layout: &Layout,
    plan: Plan,
    api: &Api,
    nodes: &[NodePlan],
) -> Result<()> {
    match extra {
        Extra::Registry => registry::ensure(layout, plan, nodes),
        Extra::Ingress => ingress::ensure(layout, plan, api),
    }
}

/// The name of its process.
pub(super) fn process(extra: Extra) -> &'static str {
    match extra {
        Extra::Registry => registry::PROCESS,
        Extra::Ingress => ingress::PROCESS,
    }
}
