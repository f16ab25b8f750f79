//! One call of a reconciler, guarded against what it may do wrong.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::timeout;

use crate::lease::HeldShard;

/// How a call ended.
#[derive(Debug)]
pub(super) enum Ended<T> {
    /// By itself.
    Returned(T),
    /// It took longer than the limit.
    TimedOut,
    /// It panicked, with this message.
    Panicked(String),
    /// The shard was lost meanwhile.
    ShardLost,
}

/// Runs `call` until it ends, at most for `limit`, and only while `shard` is held.
///
/// Cutting it off when the shard is lost also gives up the request that is on its way, long before
/// another instance may write.
pub(super) async fn guarded<T>(
    call: impl Future<Output = T>,
    shard: &HeldShard,
    limit: Duration,
) -> Ended<T> {
    // Nothing that the call may leave half-done is looked at after a panic: shared state is behind
    // locks that are used again only as a whole.
    let call = timeout(limit, AssertUnwindSafe(call).catch_unwind());
    tokio::select! {
        biased;
        () = shard.lost() => Ended::ShardLost,
        ended = call => match ended {
            Ok(Ok(value)) => Ended::Returned(value),
            Ok(Err(panic)) => Ended::Panicked(message(&*panic)),
            Err(_) => Ended::TimedOut,
        },
    }
}

/// The text of a panic.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Shards;
    use crate::metrics::Metrics;
    use crate::shell::ManagerInfo;

    const LIMIT: Duration = Duration::from_secs(30);

    fn held() -> HeldShard {
        let metrics = Metrics::new(ManagerInfo {
            name: "test",
            version: "0",
        });
        let shards = Shards::new(std::num::NonZeroU32::MIN, metrics);
        HeldShard::unfenced(shards.of(""))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_is_cut_off_at_the_limit() {
        let start = tokio::time::Instant::now();
        let ended = guarded(std::future::pending::<()>(), &held(), LIMIT).await;
        assert!(matches!(ended, Ended::TimedOut), "{ended:?}");
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test]
    async fn a_panic_is_an_outcome_with_its_message() {
        let component = "view";
        let call = async { assert!(component.is_empty(), "no such component: {component}") };
        let ended = guarded(call, &held(), LIMIT).await;
        assert!(
            matches!(&ended, Ended::Panicked(m) if m == "no such component: view"),
            "{ended:?}"
        );
    }

    #[tokio::test]
    async fn a_call_that_returns_is_passed_on() {
        let ended = guarded(async { 7 }, &held(), LIMIT).await;
        assert!(matches!(ended, Ended::Returned(7)), "{ended:?}");
    }
}
