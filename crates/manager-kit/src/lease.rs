//! Shards of the objects, and the leases that decide which instance works on which shard.
//!
//! There is one shard today. Queues, caches and writers are reached through the [`HeldShard`], so
//! that more shards change no manager.
//!
//! # How two instances never write at the same time
//! A holder renews the Lease every 2/15 of its duration. It counts itself as the holder only until
//! 2/3 of the duration after it *sent* the last renewal that succeeded, by its own monotonic clock;
//! after that [`HeldShard::fence`] fails and the running reconcile is cut off. Another instance
//! takes over only when it has seen the Lease unchanged for the whole duration, by *its* monotonic
//! clock. Wall clocks play no part. What is left between the two, 1/3 of the duration, is for
//! requests that are on their way. Every write of the Lease carries the resourceVersion that was
//! read, so of several candidates one wins.
//!
//! The crate `kube-lease-manager` is not used: it compares the holder's wall-clock time with the
//! local one, takes over and releases without a resourceVersion, so that two instances can both
//! succeed, and has no limit of time on its requests.

mod election;
mod record;
mod shards;
mod task;

pub use self::shards::{Fenced, HeldShard, ShardId, Shards};
pub use self::task::{LeaseConfig, LeaseTask};
