//! What somebody could have got wrong, and a manager that did.

use restapi_types::Environment::Blue;

use super::cluster::{Hour, World};
use crate::plan::decide::{Next, decide};
use crate::plan::situation::Runs;

/// What somebody could have got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Workloads are removed without a seal.
    NoSeal,
    /// A Service is written whatever happened to it meanwhile.
    NoPrecondition,
    /// An environment is used again while pods of the one before are ending.
    NoWaitForEndpoints,
    /// Services are moved before all pods are ready.
    NoWaitForPods,
    /// Workloads are deleted by name, whichever they are by then.
    NoUid,
    /// The environment that serves is taken for a new revision.
    WrongHome,
    /// What is kept for going back is removed while the Services are being moved.
    NoRetention,
    /// A new revision takes over half-way.
    NoQueue,
    /// A revision that was rolled back is tried again at once.
    NoHold,
    /// Only the first workload is created.
    HalfBuilt,
}

impl Fault {
    /// Every one.
    pub(super) const ALL: [Self; 10] = [
        Self::NoSeal,
        Self::NoPrecondition,
        Self::NoWaitForEndpoints,
        Self::NoWaitForPods,
        Self::NoUid,
        Self::WrongHome,
        Self::NoRetention,
        Self::NoQueue,
        Self::NoHold,
        Self::HalfBuilt,
    ];
}

/// What a manager that sees `world` does next.
pub(super) fn next(world: &World, hour: Hour, fault: Fault) -> Next {
    let mut seen = world.situation(hour);
    match fault {
        Fault::NoWaitForEndpoints => {
            for side in [&mut seen.blue, &mut seen.green] {
                side.has_endpoints = false;
                side.available |= matches!(side.runs, Runs::All(_));
            }
        }
        Fault::NoWaitForPods => (seen.blue.available, seen.green.available) = (true, true),
        Fault::NoQueue => {
            let edge = seen.stable.last().map_or(Blue, |s| s.selects);
            for stable in &mut seen.stable {
                stable.selects = edge;
            }
        }
        Fault::NoHold => seen.held.clear(),
        _ => {}
    }
    match (fault, decide(&seen)) {
        (Fault::WrongHome, Next::Build(home, attempt)) => Next::Build(home.other(), attempt),
        (Fault::NoRetention, Next::Switch(to, _)) if seen.agreed().is_none() => {
            Next::Release(to.other())
        }
        (Fault::NoSeal, Next::Seal(environment, _)) => Next::Release(environment),
        (_, next) => next,
    }
}
