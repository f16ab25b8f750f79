//! What the suites and benches share.
#![forbid(unsafe_code)]

pub mod audit;
pub mod env;
pub mod http;
pub mod manager;
pub mod metrics;
pub mod namespace;
pub mod wait;
pub mod watch;
