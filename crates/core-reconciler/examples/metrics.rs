//! Prints all metrics of the manager, each with a series: what `cargo xtask generate` makes their reference from.
use std::num::NonZeroU32;

use manager_kit::clock::Clock;
use manager_kit::lease::Shards;
use manager_kit::{ManagerInfo, Metrics};

fn main() {
    let metrics = Metrics::listing(ManagerInfo {
        name: "core-reconciler",
        version: "VERSION",
    });
    let shards = Shards::new(NonZeroU32::MIN, metrics.clone());
    let own = core_reconciler::metrics::register(&metrics, &shards, &Clock::system());
    print!("{}", metrics.encode());
    drop(own);
}
