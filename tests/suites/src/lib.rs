//! What the suites and benches share.
#![forbid(unsafe_code)]

pub mod app;
pub mod audit;
pub mod chain;
pub mod env;
pub mod http;
pub mod load;
pub mod manager;
pub mod metrics;
pub mod namespace;
pub mod pods;
pub mod wait;
pub mod watch;
