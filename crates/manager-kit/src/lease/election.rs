//! The decision whether a Lease may be taken, without any request.

use std::time::Duration;

use tokio::time::Instant;

use super::record::Record;

/// What may be done about a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody has it, its holder is silent, or it carries our own identity.
    Take,
    /// Somebody else has it.
    Wait,
}

/// Remembers since when a Lease has not changed.
#[derive(Debug, Default)]
pub(super) struct Observer {
    seen: Option<(String, Instant)>,
}

impl Observer {
    /// Judges a Lease that was just read, for `identity`. `fallback` is used when the Lease does
    /// not say how long it lasts.
    ///
    /// A Lease with our own identity that we do not hold is left over from an earlier run under the
    /// same name, in the same pod: that process is gone, so there is nothing to wait for.
    pub(super) fn judge(&mut self, record: &Record, identity: &str, fallback: Duration) -> Verdict {
        let now = Instant::now();
        let version = record.version().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if seen == version => *since,
            _ => {
                self.seen = Some((version.to_owned(), now));
                now
            }
        };
        match record.holder() {
            None => Verdict::Take,
            Some(holder) if holder == identity => Verdict::Take,
            Some(_) if now.duration_since(since) > record.duration(fallback) => Verdict::Take,
            Some(_) => Verdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    const FALLBACK: Duration = Duration::from_secs(15);

    fn record(holder: &str, version: &str, seconds: Option<i32>) -> Record {
        Record::from(Lease {
            metadata: ObjectMeta {
                resource_version: Some(version.into()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.into()),
                lease_duration_seconds: seconds,
                ..LeaseSpec::default()
            }),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_free_lease_and_our_own_are_taken_at_once() {
        let mut observer = Observer::default();
        assert_eq!(
            observer.judge(&record("", "1", Some(15)), "me", FALLBACK),
            Verdict::Take
        );
        assert_eq!(
            observer.judge(&record("me", "2", Some(15)), "me", FALLBACK),
            Verdict::Take
        );
        assert_eq!(
            observer.judge(&Record::from(Lease::default()), "me", FALLBACK),
            Verdict::Take
        );
    }

    #[tokio::test(start_paused = true)]
    async fn anothers_lease_is_taken_only_after_it_was_unchanged_for_its_whole_duration() {
        let mut observer = Observer::default();
        let mut judge =
            |version| observer.judge(&record("other", version, Some(15)), "me", FALLBACK);
        assert_eq!(judge("1"), Verdict::Wait);
        tokio::time::advance(Duration::from_secs(14)).await;
        assert_eq!(judge("2"), Verdict::Wait, "renewed: the time starts again");
        tokio::time::advance(Duration::from_secs(15)).await;
        assert_eq!(judge("2"), Verdict::Wait);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(judge("2"), Verdict::Take);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_does_not_say_how_long_it_lasts_lasts_as_long_as_ours() {
        let mut observer = Observer::default();
        let record = record("other", "1", None);
        assert_eq!(observer.judge(&record, "me", FALLBACK), Verdict::Wait);
        tokio::time::advance(FALLBACK + Duration::from_millis(1)).await;
        assert_eq!(observer.judge(&record, "me", FALLBACK), Verdict::Take);
    }
}
