//! The loop that calls a manager's reconciler, on the client library's `Controller`.
//!
//! What it adds to the library's loop:
//! - bounded concurrency, first come first served (the library's default is unbounded, and its bound is unfair);
//! - per object a back-off that grows with every failure in a row, 0.2 s to 60 s with jitter;
//! - a time limit per reconcile, and panics caught, so that neither stops another object;
//! - the shard gate: an object is only reconciled while its shard is held, the reconcile is cut off
//!   when the shard is lost, and all objects of a shard are reconciled when it is acquired;
//! - triggers that end are an error instead of silence, and those that come in a flood are few;
//! - metrics, and a span per reconcile that is the root of its own trace.
//!
//! Nothing is filtered by generation: managers wait for each other's conditions, which do not
//! change it, and the deletion of an owned object does not either.

mod attempt;
mod backoff;
mod calm;
mod turns;
mod worker;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::{Stream, StreamExt, stream};
use kube::runtime::controller::{Config, Controller, Error as ControllerError};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::attempt::message as panic_message;
use self::worker::Worker;
use crate::context::Context;
use crate::error::KitError;
use crate::lease::{HeldShard, Shards};
use crate::watch::main_kind::{Stored, stored_ref};
use crate::watch::{InvalidObject, Main, MainStore};

/// How long one reconcile may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// How often the loop shows that it is alive, and after how long without that `/livez` fails.
const HEARTBEAT: Duration = Duration::from_secs(5);
const HEARTBEAT_LIMIT: Duration = Duration::from_mins(1);

/// What a reconcile wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// Nothing until something changes.
    AwaitChange,
    /// To be called again after this time, or earlier when something changes.
    After(Duration),
}

impl Requeue {
    /// After the shortest of these times, or when something changes where there is none.
    #[must_use]
    pub fn after_soonest(times: impl IntoIterator<Item = Option<Duration>>) -> Self {
        let soonest = times.into_iter().flatten().min();
        soonest.map_or(Self::AwaitChange, Self::After)
    }

    /// The same, but after `time` at the latest.
    #[must_use]
    pub fn or_after(self, time: Option<Duration>) -> Self {
        match (self, time) {
            (Self::After(own), Some(time)) => Self::After(own.min(time)),
            (Self::AwaitChange, Some(time)) => Self::After(time),
            (own, None) => own,
        }
    }
}

/// An error of a reconcile.
pub trait ReconcileError: std::error::Error + Send + Sync + 'static {
    /// One word of few, for metrics and logs: `conflict`, `forbidden`, `invalid`, …
    fn category(&self) -> &'static str;
}

/// A manager's work on one object.
pub trait Reconciler: Send + Sync + 'static {
    /// The kind that is reconciled.
    type Object: Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + Debug
        + Send
        + Sync
        + 'static;
    /// What can go wrong.
    type Error: ReconcileError;

    /// Completes when enough is known to reconcile anything: when the first lists are complete, say. No object
    /// is reconciled before, and each once then.
    fn prepared(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Brings the world closer to what `object` asks for. Called again after every change, after an
    /// error with growing delay, and never twice at once for the same object. Must not wait for
    /// anything but the API server, must be safe to cut off at any await, and asks `shard` before
    /// each write.
    fn reconcile(
        &self,
        object: Arc<Self::Object>,
        shard: HeldShard,
    ) -> impl Future<Output = Result<Requeue, Self::Error>> + Send;

    /// Called in place of [`Reconciler::reconcile`] for an object that does not decode, so that its
    /// status can say so. Unless it is overridden, the reason is logged.
    fn reject(
        &self,
        invalid: Arc<InvalidObject>,
        shard: HeldShard,
    ) -> impl Future<Output = Result<Requeue, Self::Error>> + Send {
        let _ = shard;
        tracing::warn!(
            reason = invalid.error,
            "the object does not decode and is left alone"
        );
        async { Ok(Requeue::AwaitChange) }
    }
}

/// Reconciles the objects of `main` with `reconciler` until the shutdown is requested and the
/// reconciles that then run have ended.
///
/// `name` is the controller's name in logs and metrics. `triggers` are further reasons to reconcile:
/// changes of owned objects (their deletion too), hints from other managers; use
/// `futures::stream::pending` for none.
///
/// # Errors
/// [`KitError::StreamEnded`] when `main` or `triggers` ends before the shutdown.
pub async fn run<R: Reconciler>(
    ctx: &Context,
    name: &'static str,
    main: Main<R::Object>,
    triggers: impl Stream<Item = ObjectRef<R::Object>> + Send + 'static,
    reconciler: Arc<R>,
) -> Result<(), KitError> {
    let concurrency = ctx.args.concurrency.max(1);
    ctx.metrics.reconcile.announce(name, concurrency);
    let watchdog = ctx
        .readiness
        .watchdog(format!("controller/{name}"), HEARTBEAT_LIMIT);
    let store = main.store();
    let worker = Arc::new(Worker::new(ctx, name, reconciler, store.clone()));

    let (objects, objects_end) = until_end(main.stream);
    let (triggers, triggers_end) = until_end(triggers);
    let objects = objects.map(Ok::<_, watcher::Error>);
    let acquired = on_acquisition(ctx.shards.clone(), store.clone());
    let results = Controller::for_stream(objects, store.inner.clone())
        .reconcile_on(calm::calm(triggers).map(stored_ref))
        .reconcile_on(acquired)
        // Unbounded: the worker bounds.
        .with_config(Config::default().concurrency(0))
        .graceful_shutdown_on(ctx.shutdown.requested())
        .run(
            |object, worker| async move { Ok(worker.work(&object).await) },
            // Errors become a delay in the worker, which knows how many there were before.
            |_, never: &std::convert::Infallible, _| match *never {},
            worker.clone(),
        );
    let reconciling = async {
        let mut results = std::pin::pin!(results);
        while let Some(result) = results.next().await {
            settle(&worker, result);
        }
    };
    let beating = async {
        loop {
            watchdog.feed();
            tokio::time::sleep(HEARTBEAT).await;
        }
    };
    let ended = |stream| {
        Err(KitError::StreamEnded {
            controller: name,
            stream,
        })
    };
    tokio::select! {
        () = reconciling => if ctx.shutdown.is_requested() { Ok(()) } else { ended("queue") },
        true = ended_early(ctx, objects_end) => ended("watch of its objects"),
        true = ended_early(ctx, triggers_end) => ended("triggers"),
        () = beating => Ok(()),
    }
}

/// What the library reports about a call, of which only deletions are news: the worker has dealt
/// with everything else.
fn settle<K>(
    worker: &Worker<impl Reconciler>,
    result: Result<
        (ObjectRef<K>, impl Sized),
        ControllerError<std::convert::Infallible, watcher::Error>,
    >,
) where
    K: Resource<DynamicType = ()>,
{
    match result {
        Ok(_) => {}
        // Triggers for objects that are gone are normal: their own deletion is one.
        Err(ControllerError::ObjectNotFound(object)) => {
            worker.forget(object.namespace.as_deref(), &object.name);
        }
        Err(error) => tracing::error!(%error, "the controller's queue failed"),
    }
}

/// The same stream, but it never ends, and the receiver tells when it would have.
fn until_end<S: Stream + Send + 'static>(
    stream: S,
) -> (
    impl Stream<Item = S::Item> + Send + 'static,
    oneshot::Receiver<()>,
) {
    let (ended, receiver) = oneshot::channel::<()>();
    let end = stream::once(async move {
        // An error means that nobody listens any more.
        let _ = ended.send(());
        std::future::pending::<S::Item>().await
    });
    (stream.chain(end), receiver)
}

/// Completes with whether a stream ended although no shutdown is requested.
async fn ended_early(ctx: &Context, end: oneshot::Receiver<()>) -> bool {
    match end.await {
        Ok(()) => !ctx.shutdown.is_requested(),
        // Dropped with the controller, which reports by itself.
        Err(oneshot::Canceled) => std::future::pending().await,
    }
}

/// All objects of each shard that is acquired.
fn on_acquisition<K>(
    shards: Shards,
    store: MainStore<K>,
) -> impl Stream<Item = ObjectRef<Stored<K>>> + Send + 'static
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    shards.acquisitions().flat_map(move |held| {
        let objects = store.inner.state().into_iter();
        let uid = |object: &Stored<K>| object.uid().unwrap_or_default();
        let of_shard = objects.filter(|object| shards.of(&uid(object)) == held.id());
        stream::iter(
            of_shard
                .map(|object| ObjectRef::from_obj(&*object))
                .collect::<Vec<_>>(),
        )
    })
}
