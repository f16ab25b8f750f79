//! Watches that do not disturb one another.
//!
//! The client library's controller pauses *all* its triggers when *one* of its watches fails. So
//! each watch here has its own back-off, and its errors are counted, logged and dropped before any
//! controller sees them. Its back-off also really grows while listing fails; the library's starts
//! again with every attempt, because an attempt begins with a good event.
//!
//! Not used: the library's shared streams (`store_shared`, `reflect_shared`), whose subscribers can
//! stop for ever when an object is deleted, and which do not pass deletes on at all.

mod guarded;
mod lean;
pub(crate) mod main_kind;
mod optional;
mod stored;

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher::{Config, DefaultBackoff, Error, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

pub use self::guarded::{Guarded, InvalidObject};
use self::lean::Lean;
pub use self::main_kind::{Main, MainStore, main_stream, tallied_main_stream};
pub use self::optional::{Served, optional};
use crate::context::Context;
use crate::metrics::Metrics;
use crate::readiness::Gate;
use crate::telemetry;

/// How soon a kind that the API server does not know is asked for again: waiting for a CRD should
/// not take as long as an outage.
const MISSING_KIND_RETRY: Duration = Duration::from_secs(2);

/// How many objects a list asks for at a time: what is in flight at once of a list, times the number of kinds, is
/// a good part of the memory that a manager of few objects takes. With 100 instead of 25, one with 100 applications
/// of 23 objects had 34 MiB instead of 27 (`bench memory`).
const PAGE: u32 = 25;

/// A watch of all objects of `api` that match `config`, for ever: events only, never an error, and
/// it never ends.
///
/// The process is not ready before the first list is complete, under the gate `watch/PLURAL`. An
/// object that does not decode as `K` fails the whole watch: for objects whose fields people write,
/// use [`resilient_guarded`].
pub fn resilient<K>(
    ctx: &Context,
    api: Api<K>,
    config: Config,
) -> impl Stream<Item = Event<K>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    Watch::new(ctx, api, &(), config, None).events()
}

/// Like [`resilient`], for a kind that is known only at run time, or known only by its metadata.
pub fn resilient_of<K>(
    ctx: &Context,
    api: Api<K>,
    kind: &K::DynamicType,
    config: Config,
) -> impl Stream<Item = Event<K>> + Send + use<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    Watch::new(ctx, api, kind, config, None).events()
}

/// Like [`resilient`], but an object that does not decode is an event too, with its metadata and
/// the reason, and fails nothing else.
pub fn resilient_guarded<K>(
    ctx: &Context,
    api: Api<Guarded<K>>,
    config: Config,
) -> impl Stream<Item = Event<Guarded<K>>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    Watch::new(ctx, api, &(), config, None).events()
}

/// One watch and what it has to report to.
struct Watch<K> {
    stream: BoxStream<'static, Result<Event<K>, Error>>,
    backoff: DefaultBackoff,
    failures: u32,
    kind: String,
    gate: Gate,
    synced: bool,
    missing: String,
    metrics: Metrics,
}

impl<K> Watch<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// `crd` is the name of the custom resource definition, for kinds that have one.
    fn new(
        ctx: &Context,
        api: Api<K>,
        kind: &K::DynamicType,
        config: Config,
        crd: Option<&str>,
    ) -> Self {
        let plural = K::plural(kind).into_owned();
        let gate = ctx.readiness.gate(match crd {
            Some(_) => format!("{plural}-crd"),
            None => format!("watch/{plural}"),
        });
        gate.not_ready(format!("the first list of {plural} is not complete"));
        let missing = match crd {
            Some(crd) => format!("the CRD {crd} is not installed: apply kustomize/crd"),
            None => format!(
                "the API server does not serve {plural} of {}",
                K::api_version(kind)
            ),
        };
        let name = K::kind(kind).into_owned();
        ctx.metrics.watches(&name);
        Self {
            stream: events(api, kind, config),
            backoff: DefaultBackoff::default(),
            failures: 0,
            kind: name,
            gate,
            synced: false,
            missing,
            metrics: ctx.metrics.clone(),
        }
    }

    fn events(self) -> impl Stream<Item = Event<K>> + Send + use<K> {
        futures::stream::unfold(self, |mut watch| async move {
            loop {
                match watch.stream.next().await? {
                    Ok(event) => {
                        watch.succeeded(&event);
                        return Some((event, watch));
                    }
                    Err(error) => {
                        let wait = watch.failed(&error);
                        tokio::time::sleep(wait).await;
                    }
                }
            }
        })
    }

    fn succeeded(&mut self, event: &Event<K>) {
        // The start of an attempt says nothing about its success.
        if matches!(event, Event::Init) {
            return;
        }
        if self.failures > 0 {
            tracing::info!(
                kind = self.kind,
                failures = self.failures,
                "watch recovered"
            );
            self.failures = 0;
            self.backoff.reset();
        }
        if matches!(event, Event::InitDone) {
            self.synced = true;
            self.gate.ready();
            self.metrics.listed(&self.kind);
        }
    }

    /// Reports a failure and returns how long to wait before the next attempt.
    fn failed(&mut self, error: &Error) -> Duration {
        self.metrics.watch_failed(&self.kind);
        self.failures = self.failures.saturating_add(1);
        let missing = is_missing(error);
        if missing {
            self.synced = false;
            self.gate.not_ready(self.missing.clone());
        } else if !self.synced {
            self.gate.not_ready(format!(
                "cannot watch {}: {}",
                self.kind,
                telemetry::chain(error)
            ));
        }
        // Said at once, then ever more rarely: 1, 2, 4, 8, … failures in a row.
        if self.failures.is_power_of_two() {
            let (kind, failures) = (&self.kind, self.failures);
            tracing::warn!(
                kind,
                failures,
                error = telemetry::chain(error),
                "watch failed"
            );
        }
        let wait = self.backoff.next().unwrap_or(Duration::from_secs(30));
        if missing {
            wait.min(MISSING_KIND_RETRY)
        } else {
            wait
        }
    }
}

/// The events of the objects of `api`, without their `managedFields`.
fn events<K>(
    api: Api<K>,
    kind: &K::DynamicType,
    config: Config,
) -> BoxStream<'static, Result<Event<K>, Error>>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let events = watcher(lean::lean(api, kind), config.page_size(PAGE));
    let whole = |event| match event {
        Event::Apply(Lean(object)) => Event::Apply(object),
        Event::Delete(Lean(object)) => Event::Delete(object),
        Event::InitApply(Lean(object)) => Event::InitApply(object),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    };
    events.map(move |event| event.map(whole)).boxed()
}

fn is_missing(error: &Error) -> bool {
    let code = match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status)) => status.code,
        _ => return false,
    };
    code == 404
}
