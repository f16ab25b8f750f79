//! Which shards there are, and which this instance holds.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use futures::Stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::metrics::Metrics;

/// A part of all objects, by the hash of their uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u32);

impl std::fmt::Display for ShardId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The shards of this manager. Clones share what is held.
#[derive(Clone, Debug)]
pub struct Shards {
    count: NonZeroU32,
    held: Arc<watch::Sender<BTreeMap<ShardId, HeldShard>>>,
    metrics: Metrics,
}

impl Shards {
    /// Shards of which none is held yet.
    #[must_use]
    pub fn new(count: NonZeroU32, metrics: Metrics) -> Self {
        metrics.has_shards(count.get());
        Self {
            count,
            held: Arc::new(watch::Sender::new(BTreeMap::new())),
            metrics,
        }
    }

    /// Shards that are all held without leases: for one single instance outside a cluster, and tests.
    #[must_use]
    pub fn without_leases(count: NonZeroU32, metrics: Metrics) -> Self {
        let shards = Self::new(count, metrics);
        for id in shards.ids() {
            shards.acquired(HeldShard::unfenced(id));
        }
        shards
    }

    /// All shards.
    pub fn ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.count.get()).map(ShardId)
    }

    /// The shard of the object with this uid. The same in every instance and every release, for the
    /// same number of shards.
    #[must_use]
    pub fn of(&self, uid: &str) -> ShardId {
        let shard = fnv1a(uid.as_bytes()) % u64::from(self.count.get());
        // The remainder of a division by an u32 fits into one.
        ShardId(u32::try_from(shard).unwrap_or_default())
    }

    /// The shard, if this instance holds it now.
    #[must_use]
    pub fn held(&self, id: ShardId) -> Option<HeldShard> {
        self.held
            .borrow()
            .get(&id)
            .filter(|held| held.is_held())
            .cloned()
    }

    /// Yields each shard when this instance gets hold of it, those first that it holds already.
    pub fn acquisitions(&self) -> impl Stream<Item = HeldShard> + Send + use<> {
        let state = (self.held.subscribe(), BTreeMap::<ShardId, u64>::new(), true);
        futures::stream::unfold(state, |(mut held, mut seen, mut first)| async move {
            loop {
                if !std::mem::take(&mut first) && held.changed().await.is_err() {
                    return None;
                }
                let new = {
                    let now = held.borrow_and_update();
                    seen.retain(|id, _| now.contains_key(id));
                    now.values()
                        .find(|shard| seen.get(&shard.id()) != Some(&shard.epoch()))
                        .cloned()
                };
                if let Some(shard) = new {
                    seen.insert(shard.id(), shard.epoch());
                    // There may be more than one in the same change.
                    return Some((shard, (held, seen, true)));
                }
            }
        })
    }

    /// Notes that a shard was acquired.
    pub(super) fn acquired(&self, shard: HeldShard) {
        self.change(|held| {
            held.insert(shard.id(), shard);
        });
    }

    /// Notes that a shard is no longer held.
    pub(super) fn lost(&self, id: ShardId) {
        self.change(|held| {
            held.remove(&id);
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<ShardId, HeldShard>)) {
        self.held.send_modify(change);
        self.metrics.holds_shards(self.held.borrow().len());
    }
}

/// FNV-1a with 64 bits: stable over releases, which the standard library's hashes are not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The shard is no longer held: another instance may have it, so nothing may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the lease of shard {shard} is lost; another instance may hold it, nothing more is written"
)]
pub struct Fenced {
    /// The shard that is lost.
    pub shard: ShardId,
}

/// How long a hold lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    /// Until when, `None` without a lease.
    pub(super) until: Option<Instant>,
    /// Given up or taken away before that.
    pub(super) revoked: bool,
}

impl Term {
    fn is_over(&self) -> bool {
        self.revoked || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// A shard that this instance held when it got this value. Whether it still does is asked with
/// [`HeldShard::fence`] before each write. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HeldShard {
    id: ShardId,
    epoch: u64,
    term: watch::Receiver<Term>,
}

impl HeldShard {
    /// A shard that is held for ever, without a lease.
    #[must_use]
    pub fn unfenced(id: ShardId) -> Self {
        let (_, term) = watch::channel(Term {
            until: None,
            revoked: false,
        });
        Self { id, epoch: 0, term }
    }

    /// A shard that is held until `until`, and how to change that.
    pub(super) fn until(id: ShardId, epoch: u64, until: Instant) -> (Self, watch::Sender<Term>) {
        let (sender, term) = watch::channel(Term {
            until: Some(until),
            revoked: false,
        });
        (Self { id, epoch, term }, sender)
    }

    /// Which shard it is.
    #[must_use]
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// A number that grows each time the shard changes hands; 0 without a lease.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the shard is still held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.term.borrow().is_over()
    }

    /// To be asked right before each write.
    ///
    /// # Errors
    /// [`Fenced`] when the lease is lost or was not renewed in time.
    pub fn fence(&self) -> Result<(), Fenced> {
        if self.is_held() {
            Ok(())
        } else {
            Err(Fenced { shard: self.id })
        }
    }

    /// Completes when the shard is no longer held.
    pub async fn lost(&self) {
        let mut term = self.term.clone();
        let mut renewable = true;
        loop {
            let now = *term.borrow_and_update();
            if now.is_over() {
                return;
            }
            let over = async {
                match now.until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                changed = term.changed(), if renewable => renewable = changed.is_ok(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::shell::ManagerInfo;

    fn metrics() -> Metrics {
        Metrics::new(ManagerInfo {
            name: "test",
            version: "0",
        })
    }

    fn shards(count: u32) -> Shards {
        Shards::new(NonZeroU32::new(count).unwrap(), metrics())
    }

    #[test]
    fn the_shard_of_an_object_is_stable_and_spread() {
        let shards = shards(4);
        let ids: Vec<u32> = (0..1000)
            .map(|i| shards.of(&format!("uid-{i}")).0)
            .collect();
        for id in 0..4 {
            assert!(
                ids.iter().filter(|shard| **shard == id).count() > 150,
                "shard {id} is starved"
            );
        }
        // Published figures of FNV-1a with 64 bits: a different hash would move every object.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn without_leases_everything_is_held() {
        let shards = Shards::without_leases(NonZeroU32::new(3).unwrap(), metrics());
        for id in shards.ids() {
            assert_eq!(shards.held(id).unwrap().fence(), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_ends_when_its_time_is_over_unless_it_is_renewed() {
        let id = ShardId(0);
        let start = Instant::now();
        let (held, term) = HeldShard::until(id, 1, start + Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(held.fence(), Ok(()));
        assert!(held.lost().now_or_never().is_none());
        term.send_modify(|term| term.until = Some(start + Duration::from_secs(20)));
        held.lost().await;
        assert_eq!(start.elapsed(), Duration::from_secs(20));
        assert_eq!(held.fence(), Err(Fenced { shard: id }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_ends_in_time_even_when_nobody_is_left_to_renew_it() {
        let (held, term) =
            HeldShard::until(ShardId(0), 1, Instant::now() + Duration::from_secs(10));
        drop(term);
        held.lost().await;
        assert!(!held.is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn acquisitions_show_each_hold_once_also_those_from_before() {
        let shards = shards(3);
        let hold = |id, epoch| {
            HeldShard::until(ShardId(id), epoch, Instant::now() + Duration::from_secs(10))
        };
        let (first, _keep_first) = hold(0, 1);
        shards.acquired(first);
        let mut acquisitions = std::pin::pin!(shards.acquisitions());
        assert_eq!(acquisitions.next().await.unwrap().id(), ShardId(0));
        assert!(acquisitions.next().now_or_never().is_none());
        let ((second, _a), (third, _b)) = (hold(1, 1), hold(2, 1));
        shards.acquired(second);
        shards.acquired(third);
        assert_eq!(acquisitions.next().await.unwrap().id(), ShardId(1));
        assert_eq!(acquisitions.next().await.unwrap().id(), ShardId(2));
        let (again, _c) = hold(0, 2);
        shards.lost(ShardId(0));
        shards.acquired(again);
        assert_eq!(acquisitions.next().await.unwrap().epoch(), 2);
    }
}
