//! Pure functions from a `RestAPI` and an environment to Kubernetes objects.
//!
//! No I/O, no clock, no randomness: the same application renders the same bytes, anywhere. What each
//! [`render::RenderVersion`] makes is held by golden files under `src/snapshots`.
#![forbid(unsafe_code)]

pub mod application;
pub mod canonical;
pub mod controller_revision;
pub mod deployment;
mod inherit;
pub mod labels;
pub mod parts;
pub mod render;
pub mod revision;
pub mod service;
pub mod service_account;
pub mod variables;

pub use application::{Application, Component, Invalid};
pub use render::{RenderVersion, Rendered, render};

#[cfg(test)]
mod fixtures;
