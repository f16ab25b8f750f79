//! Acquires, renews and releases the Lease of one shard.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::election::{Observer, Verdict};
use super::record::Record;
use super::shards::{HeldShard, ShardId, Shards, Term};
use crate::random;
use crate::readiness::Readiness;
use crate::shutdown::Shutdown;

/// How long the release at the end may take.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);

/// What all shards' leases have in common.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// The manager; its leases are called `MANAGER-shard-ID`.
    pub manager: String,
    /// The namespace of the Lease objects.
    pub namespace: String,
    /// The name of this instance.
    pub identity: String,
    /// How long a Lease outlives its last renewal, in whole seconds.
    pub duration: Duration,
}

impl LeaseConfig {
    /// How long the holder counts on a renewal, from when it was sent.
    fn term(&self) -> Duration {
        self.duration * 2 / 3
    }

    /// How often a Lease is renewed, or looked at by those who wait for it.
    fn period(&self) -> Duration {
        self.duration * 2 / 15
    }

    /// How long one request may take: short enough for two more attempts within the term.
    fn request_limit(&self) -> Duration {
        self.duration / 5
    }

    /// How soon a failed attempt is repeated.
    fn retry(&self) -> Duration {
        self.duration / 30
    }
}

/// The task of one shard's Lease. It must run as long as the process.
#[derive(Debug)]
pub struct LeaseTask {
    api: Api<Lease>,
    name: String,
    config: LeaseConfig,
    shard: ShardId,
    shards: Shards,
    readiness: Readiness,
    observer: Observer,
    held: Option<Held>,
    failures: u32,
}

/// A Lease that we hold.
#[derive(Debug)]
struct Held {
    record: Record,
    term: watch::Sender<Term>,
}

#[derive(Debug, thiserror::Error)]
enum Attempt {
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error(transparent)]
    Api(#[from] kube::Error),
}

impl Attempt {
    fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    fn is_gone(&self) -> bool {
        self.code() == Some(404)
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Api(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }
}

impl LeaseTask {
    /// The task for `shard`. `client` should not repeat requests by itself.
    #[must_use]
    pub fn new(
        client: Client,
        config: LeaseConfig,
        shard: ShardId,
        shards: Shards,
        readiness: Readiness,
    ) -> Self {
        let api = Api::namespaced(client, &config.namespace);
        let name = format!("{}-shard-{shard}", config.manager);
        let observer = Observer::default();
        Self {
            api,
            name,
            config,
            shard,
            shards,
            readiness,
            observer,
            held: None,
            failures: 0,
        }
    }

    /// Tries to hold the Lease until `stop`, then releases it, so that another instance can take
    /// over at once. Errors are logged and retried; it never gives up.
    pub async fn run(mut self, stop: Shutdown) {
        // Every attempt has a limit, so more than this without one means that the task hangs.
        let limit = self.config.duration * 2;
        let watchdog = self
            .readiness
            .watchdog(format!("lease/{}", self.name), limit);
        let stopped = stop.requested();
        tokio::pin!(stopped);
        loop {
            watchdog.feed();
            let wait = tokio::select! {
                biased;
                () = &mut stopped => break,
                wait = self.step() => wait,
            };
            tokio::select! {
                biased;
                () = &mut stopped => break,
                () = sleep(wait) => {}
            }
        }
        self.release().await;
    }

    /// One attempt to get or keep the Lease; returns how long to wait before the next.
    async fn step(&mut self) -> Duration {
        self.give_up_if_over();
        let attempt = if self.held.is_some() {
            self.renew().await
        } else {
            self.acquire().await
        };
        match attempt {
            Ok(()) => {
                self.failures = 0;
                return random::jitter(self.config.period());
            }
            Err(error) if error.is_conflict() => {
                let lease = &self.name;
                tracing::debug!(lease, "somebody else changed the lease first");
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                // Said at once, then ever more rarely: 1, 2, 4, 8, … failures in a row.
                if self.failures.is_power_of_two() {
                    let (lease, failures, held) = (&self.name, self.failures, self.held.is_some());
                    tracing::warn!(lease, failures, held, %error, "request for the lease failed");
                }
            }
        }
        // Only a holder is in a hurry.
        match self.held {
            Some(_) => self.config.retry(),
            None => random::jitter(self.config.period()),
        }
    }

    async fn acquire(&mut self) -> Result<(), Attempt> {
        let sent = Instant::now();
        let (identity, duration) = (&self.config.identity, self.config.duration);
        let Some(lease) = self.limited(self.api.get_opt(&self.name)).await? else {
            let new = Record::first(&self.name, identity, duration, Timestamp::now());
            let created = self
                .limited(self.api.create(&PostParams::default(), &new))
                .await?;
            self.hold(created.into(), sent);
            return Ok(());
        };
        let record = Record::from(lease);
        if self.observer.judge(&record, identity, duration) == Verdict::Wait {
            return Ok(());
        }
        let sent = Instant::now();
        let taken = self
            .put(&record.taken(identity, duration, Timestamp::now()))
            .await?;
        self.hold(taken, sent);
        Ok(())
    }

    /// Renews the Lease. When that is refused, the Lease is looked at: a renewal of ours whose answer
    /// was lost, or a label that somebody added, changes it as well. Only another holder, or none,
    /// ends our hold, and the term is not extended by looking.
    async fn renew(&mut self) -> Result<(), Attempt> {
        let renewed = self.renew_as_read().await;
        if !renewed
            .as_ref()
            .is_err_and(|error| error.is_conflict() || error.is_gone())
        {
            return renewed;
        }
        let lease = self.limited(self.api.get_opt(&self.name)).await?;
        let ours = lease
            .map(Record::from)
            .filter(|record| self.is_ours(record));
        let (Some(record), Some(held)) = (ours, &mut self.held) else {
            self.lose("another instance took it, or it was deleted");
            return Ok(());
        };
        held.record = record;
        self.renew_as_read().await
    }

    async fn renew_as_read(&mut self) -> Result<(), Attempt> {
        let Some(held) = &self.held else {
            return Ok(());
        };
        let sent = Instant::now();
        let record = self.put(&held.record.renewed(Timestamp::now())).await?;
        // An answer that comes after the end of the term changes nothing: what was cut off at the end
        // is only started again by a new hold.
        self.give_up_if_over();
        if let Some(held) = &mut self.held {
            held.record = record;
            let until = sent + self.config.term();
            held.term.send_modify(|term| term.until = Some(until));
        }
        Ok(())
    }

    /// Whether it is the same hold as the one we have.
    fn is_ours(&self, record: &Record) -> bool {
        let epoch = self.held.as_ref().map(|held| held.record.transitions());
        record.holder() == Some(self.config.identity.as_str())
            && epoch == Some(record.transitions())
    }

    /// Writes the Lease with the resourceVersion it was read with: of several, one wins.
    async fn put(&self, lease: &Lease) -> Result<Record, Attempt> {
        let params = PostParams::default();
        self.limited(self.api.replace(&self.name, &params, lease))
            .await
            .map(Record::from)
    }

    async fn limited<T>(
        &self,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Attempt> {
        let limit = self.config.request_limit();
        Ok(timeout(limit, request)
            .await
            .map_err(|_| Attempt::TimedOut(limit))??)
    }

    /// `sent` is when the request was sent that got us the Lease: the others' time starts later.
    fn hold(&mut self, record: Record, sent: Instant) {
        let until = sent + self.config.term();
        let (shard, term) = HeldShard::until(self.shard, record.transitions(), until);
        let (lease, epoch) = (&self.name, shard.epoch());
        tracing::info!(lease, shard = %self.shard, epoch, "lease acquired");
        self.held = Some(Held { record, term });
        self.shards.acquired(shard);
    }

    fn give_up_if_over(&mut self) {
        let over = |held: &Held| {
            held.term
                .borrow()
                .until
                .is_some_and(|until| Instant::now() >= until)
        };
        if self.held.as_ref().is_some_and(over) {
            self.lose("it was not renewed in time");
        }
    }

    fn lose(&mut self, why: &str) {
        if let Some(held) = self.held.take() {
            revoke(&held);
            self.shards.lost(self.shard);
            tracing::warn!(lease = self.name, shard = %self.shard, why, "lease lost");
        }
    }

    async fn release(mut self) {
        // First nobody here may write any more, then somebody else may.
        if let Some(held) = self.held.take() {
            revoke(&held);
            self.shards.lost(self.shard);
        }
        let lease = &self.name;
        match timeout(RELEASE_LIMIT, self.free()).await {
            Ok(Ok(true)) => tracing::info!(lease, "lease released"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::warn!(lease, %error, "lease not released; it expires"),
            Err(_) => tracing::warn!(lease, "lease not released in time; it expires"),
        }
    }

    /// Frees the Lease if it is ours. It is read again, because a request that was cut off by the
    /// stop may have changed it.
    async fn free(&self) -> Result<bool, Attempt> {
        let Some(lease) = self.limited(self.api.get_opt(&self.name)).await? else {
            return Ok(false);
        };
        let record = Record::from(lease);
        if record.holder() != Some(self.config.identity.as_str()) {
            return Ok(false);
        }
        self.put(&record.released(Timestamp::now())).await?;
        Ok(true)
    }
}

fn revoke(held: &Held) {
    held.term.send_modify(|term| term.revoked = true);
}
