//! The shell that every manager shares. It knows Kubernetes; it knows nothing of blue, health or
//! scaling.
//!
//! # A manager in a few lines
//! ```no_run
//! use manager_kit::{Context, KitArgs, ManagerInfo};
//!
//! #[derive(clap::Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     kit: KitArgs,
//! }
//!
//! async fn start(ctx: Context) -> Result<(), manager_kit::KitError> {
//!     // watch::main_stream, watch::resilient for owned kinds, then runner::run
//!     ctx.shutdown.requested().await;
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let args = <Args as clap::Parser>::parse();
//!     let info = ManagerInfo { name: "core-reconciler", version: env!("CARGO_PKG_VERSION") };
//!     manager_kit::main(info, args.kit, start)
//! }
//! ```
//! A manager's `main.rs` also sets mimalloc as its global allocator: musl's own allocator is slow
//! with threads, and the static binaries use musl.
//!
//! # What is where
//! | module | what it gives |
//! |---|---|
//! | [`args`] | the arguments of every manager |
//! | [`shell`] | [`main`]: start, keep all tasks together, stop in order within 10 s |
//! | [`bus`] | [`Bus`](bus::Bus): events over NATS, told and heard as hints |
//! | [`context`] | [`Context`]: what every part of a manager is given |
//! | [`client`] | clients whose requests always end |
//! | [`watch`] | watches that do not disturb one another; the main kind's store |
//! | [`runner`] | [`Reconciler`] and the loop that calls it |
//! | [`lease`] | [`Shards`]: who works on what; [`HeldShard::fence`] before each write |
//! | [`readiness`], [`metrics`], [`telemetry`] | what `/readyz`, `/livez`, `/metrics`, logs and traces show |
//! | [`events`] | Kubernetes Events in the background |
//! | [`clock`], [`shutdown`] | time that tests can jump; one request to stop |
//! | [`cache`], [`tracker`], [`diff`], [`writer`] | owned objects as known, and the writes to them |
#![forbid(unsafe_code)]

pub mod args;
pub mod bus;
pub mod cache;
pub mod client;
pub mod clock;
pub mod context;
pub mod diff;
pub mod error;
pub mod events;
mod http_server;
pub mod lease;
pub mod metrics;
mod packed;
pub mod quantity;
pub mod random;
pub mod readiness;
pub mod runner;
pub mod shell;
pub mod shutdown;
pub mod telemetry;
pub(crate) mod told;
pub mod tracker;
pub mod watch;
pub mod writer;
mod yaml_safe;

pub use self::args::KitArgs;
pub use self::clock::Clock;
pub use self::context::Context;
pub use self::error::KitError;
pub use self::events::{EventRecorder, Severity};
pub use self::lease::{Fenced, HeldShard, ShardId, Shards};
pub use self::metrics::Metrics;
pub use self::readiness::Readiness;
pub use self::runner::{ReconcileError, Reconciler, Requeue};
pub use self::shell::{ManagerInfo, main};
pub use self::shutdown::Shutdown;
pub use prometheus_client;
