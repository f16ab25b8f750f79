//! The kinds of objects that bluegreen-manager sees.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use workloads::kinds::{OwnedKind, Role, built_in, of_workloads};

/// What it writes: workloads, and the Jobs of gates.
#[must_use]
pub fn written() -> Vec<OwnedKind> {
    let mut all = of_workloads();
    all.push(built_in::<Job>(Role::Workloads));
    all
}

/// What it writes, and the EndpointSlices of the Services, which the control plane writes.
#[must_use]
pub fn seen() -> Vec<OwnedKind> {
    let mut all = written();
    all.push(built_in::<EndpointSlice>(Role::Workloads));
    all
}
