//! An order service that plays any of the four roles of a `RestAPI`: view, controller, model or
//! repository.
//!
//! A request enters at the view (or at the controller, where that is the edge) and travels
//! view → controller → model → repository. Every JSON answer names each pod that it went
//! through, so that a person or a test can see which pods, versions and colours served it.
//!
//! At the same port every role answers gRPC's health protocol (`grpc.health.v1.Health`): the empty
//! service is what `/health` says, and not serving while being shut down; `ready` is what `/ready` says.
#![forbid(unsafe_code)]

pub mod app;
pub mod args;
pub mod chain;
mod connection;
pub mod context;
mod entropy;
pub mod faults;
mod flow;
mod grpc;
mod handling;
pub mod instance;
mod lifecycle;
pub mod metrics;
pub mod order;
pub mod peers;
mod probes;
pub mod problem;
pub mod reply;
mod requests;
pub mod role;
pub mod roles;
pub mod rules;
pub mod sampling;
mod server;
pub mod spans;
pub mod store;
pub mod trace;
mod validate;
