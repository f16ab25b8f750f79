//! What the suites and benches share.
#![forbid(unsafe_code)]

pub mod app;
pub mod audit;
pub mod authority;
pub mod chain;
pub mod env;
pub mod events;
pub mod front;
pub mod http;
pub mod jaeger;
pub mod load;
pub mod machine;
pub mod manager;
pub mod metrics;
pub mod namespace;
pub mod nats;
pub mod operator;
pub mod pair;
pub mod plain;
pub mod pods;
pub mod processes;
pub mod prometheus;
pub mod reach;
pub mod samples;
pub mod scratch;
pub mod task;
pub mod wait;
pub mod watch;
