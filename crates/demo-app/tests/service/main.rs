//! The four roles together, on the loopback interface, and single processes of the binary.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints' exception for tests does not reach the helpers of an integration test"
)]

mod chain;
mod collector;
mod faults;
mod grpc;
mod http_client;
mod lasting;
mod network;
mod orders;
mod page;
mod process;
mod service;
mod shutdown;
mod spans;
mod trace;
