//! Pure functions from a `RestAPI` and an environment to Kubernetes objects.
//!
//! No I/O, no clock, no randomness: the same application renders the same bytes, anywhere. What each
//! [`render::RenderVersion`] makes is held by golden files under `src/snapshots`.
#![forbid(unsafe_code)]

pub mod application;
pub mod canonical;
pub mod claim;
pub mod companions;
pub mod config_map;
pub mod container;
pub mod controller_revision;
pub mod deployment;
pub mod gate_job;
mod guard;
pub mod ingress;
mod inherit;
pub mod labels;
pub mod network_policy;
pub mod notices;
mod origin;
mod overrides;
pub mod parts;
mod past;
pub mod placement;
pub mod pod;
pub mod pod_disruption_budget;
pub mod pod_monitor;
pub mod ports;
pub mod ports_in_use;
pub mod probes;
pub mod profile;
pub mod references;
pub mod render;
pub mod resource_quota;
pub mod revision;
pub mod routes;
pub mod routing;
pub mod security;
pub mod selectors;
pub mod service;
pub mod service_account;
mod stateful_set;
pub mod surroundings;
pub mod third_party;
pub mod variables;
pub mod volumes;
pub mod workload;

pub use application::{Application, Component, Invalid};
pub use ports_in_use::PortsInUse;
pub use render::{RenderVersion, Rendered, RenderedComponent, render};
pub use workload::Workload;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod golden;
