//! What happens to one object that is due.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use tracing::{Instrument, Span, info_span};

use super::attempt::{Ended, guarded};
use super::backoff::{Failures, Key};
use super::turns::Turns;
use super::{ReconcileError, Reconciler, Requeue, TIME_LIMIT};
use crate::context::Context;
use crate::lease::HeldShard;
use crate::metrics::Outcome;
use crate::telemetry;
use crate::watch::main_kind::Stored;
use crate::watch::{Guarded, MainStore};

/// Calls the reconciler and deals with the outcome.
pub(super) struct Worker<R: Reconciler> {
    ctx: Context,
    name: &'static str,
    reconciler: Arc<R>,
    store: MainStore<R::Object>,
    turns: Turns,
    failures: Failures,
}

impl<R: Reconciler> Worker<R> {
    pub(super) fn new(
        ctx: &Context,
        name: &'static str,
        reconciler: Arc<R>,
        store: MainStore<R::Object>,
    ) -> Self {
        let concurrency = ctx.args.concurrency.max(1);
        let metrics = ctx.metrics.reconcile.clone();
        Self {
            ctx: ctx.clone(),
            name,
            reconciler,
            store,
            turns: Turns::new(name, concurrency, ctx.shutdown.clone(), metrics),
            failures: Failures::default(),
        }
    }

    /// Drops what is remembered of an object that does not exist any more.
    pub(super) fn forget(&self, namespace: Option<&str>, name: &str) {
        self.failures
            .reset(&(namespace.map(str::to_owned), name.to_owned()));
        let owner = (namespace.unwrap_or_default().to_owned(), name.to_owned());
        self.ctx.spans.forget(&owner);
        self.ctx.bus.forget(&owner);
    }

    /// Reconciles the object when its turn comes, if it is ours to reconcile, and says when it is due again.
    pub(super) async fn work(&self, object: &Stored<R::Object>) -> Action {
        // Its acquisition triggers the object again.
        if self.shard(object).is_none() {
            return Action::await_change();
        }
        let prepared = self.reconciler.prepared();
        let Some(_turn) = self.turns.next(prepared).await else {
            return Action::await_change();
        };
        // As it is now, not as it was when it began to wait.
        let Some(object) = self.store.inner.get(&ObjectRef::from_obj(object)) else {
            return Action::await_change();
        };
        let Some(shard) = self.shard(&object) else {
            return Action::await_change();
        };
        let span = self.span(&object);
        let object = object.open();
        // Boxed, so that those that wait take little memory.
        Box::pin(self.attempt(&object, shard).instrument(span)).await
    }

    /// The object's shard, if this instance holds it.
    fn shard(&self, object: &Stored<R::Object>) -> Option<HeldShard> {
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        self.ctx.shards.held(self.ctx.shards.of(uid))
    }

    async fn attempt(&self, object: &Guarded<R::Object>, shard: HeldShard) -> Action {
        let metrics = &self.ctx.metrics.reconcile;
        let key: Key = (object.namespace(), object.name_any());
        let active = metrics.start(self.name);
        let start = std::time::Instant::now();
        let call = self.call(object, shard.clone());
        let ended = guarded(call, &shard, TIME_LIMIT).await;
        drop(active);
        let took = start.elapsed();
        let (outcome, action) = self.conclude(&key, ended);
        metrics.ended(
            self.name,
            outcome,
            took,
            telemetry::trace_id(&Span::current()),
        );
        tracing::debug!(?outcome, took_ms = took.as_secs_f64() * 1e3, "reconciled");
        action
    }

    async fn call(
        &self,
        object: &Guarded<R::Object>,
        shard: HeldShard,
    ) -> Result<Requeue, R::Error> {
        match object {
            Guarded::Valid(object) => self.reconciler.reconcile(object.clone(), shard).await,
            Guarded::Invalid(invalid) => self.reconciler.reject(invalid.clone(), shard).await,
        }
    }

    fn conclude(&self, key: &Key, ended: Ended<Result<Requeue, R::Error>>) -> (Outcome, Action) {
        match ended {
            Ended::Returned(Ok(requeue)) => {
                self.failures.reset(key);
                match requeue {
                    Requeue::AwaitChange => (Outcome::Success, Action::await_change()),
                    Requeue::After(delay) => (Outcome::RequeueAfter, Action::requeue(delay)),
                }
            }
            Ended::ShardLost => {
                tracing::info!("reconcile cut off: the lease of the shard is lost");
                self.failures.reset(key);
                (Outcome::Requeue, Action::await_change())
            }
            Ended::Returned(Err(error)) => {
                let delay = self.failed(key, error.category(), &telemetry::chain(&error));
                (Outcome::Error(error.category()), Action::requeue(delay))
            }
            Ended::TimedOut => {
                let error = format!("it took longer than {TIME_LIMIT:?}");
                (
                    Outcome::Error("timeout"),
                    Action::requeue(self.failed(key, "timeout", &error)),
                )
            }
            Ended::Panicked(error) => (
                Outcome::Panic,
                Action::requeue(self.failed(key, "panic", &error)),
            ),
        }
    }

    fn failed(&self, key: &Key, category: &'static str, error: &str) -> Duration {
        let (failures, delay) = self.failures.failed(key);
        let retry_in_ms = delay.as_millis();
        tracing::warn!(category, failures, retry_in_ms, error, "reconcile failed");
        delay
    }

    /// The root of a trace of its own: reconciles that share a parent would make one endless trace.
    fn span(&self, object: &Stored<R::Object>) -> Span {
        let meta = object.meta();
        info_span!(
            parent: None,
            "reconcile",
            controller = self.name,
            kind = %R::Object::kind(&()),
            namespace = meta.namespace.as_deref().unwrap_or_default(),
            name = meta.name.as_deref().unwrap_or_default(),
            uid = meta.uid.as_deref().unwrap_or_default(),
            generation = meta.generation.unwrap_or_default(),
        )
    }
}
