//! Pure functions from a `RestAPI` and an environment to Kubernetes objects.
//!
//! No I/O, no clock, no randomness: the same application renders the same bytes, anywhere. What each
//! [`render::RenderVersion`] makes is held by golden files under `src/snapshots`.
#![forbid(unsafe_code)]

pub mod application;
pub mod canonical;
pub mod companions;
pub mod controller_revision;
pub mod deployment;
pub mod ingress;
mod inherit;
pub mod labels;
pub mod network_policy;
pub mod parts;
pub mod pod_disruption_budget;
pub mod pod_monitor;
pub mod ports;
pub mod render;
pub mod resource_quota;
pub mod revision;
pub mod routes;
pub mod routing;
pub mod selectors;
pub mod service;
pub mod service_account;
pub mod surroundings;
pub mod third_party;
pub mod variables;

pub use application::{Application, Component, Invalid};
pub use render::{RenderVersion, Rendered, render};

#[cfg(test)]
mod fixtures;
