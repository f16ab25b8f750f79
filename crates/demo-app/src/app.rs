//! What all requests of a process share, and the routes that every role has.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::trace::SpanExporter;

use crate::args::{Args, BadPeerUrl};
use crate::chain::Hop;
use crate::faults::{self, Faults};
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;
use crate::peers::Peer;
use crate::roles;
use crate::sampling::Sampling;
use crate::spans::{self, Spans};
use crate::store::{Limits, OpenError, Store};
use crate::{grpc, handling, probes};

/// The process's shared parts.
#[derive(Debug)]
pub struct App {
    pub(crate) args: Args,
    pub(crate) this: Hop,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sampling: Sampling,
    pub(crate) spans: Spans,
    pub(crate) lifecycle: Lifecycle,
    /// Only there when faults are allowed.
    pub(crate) faults: Option<Arc<Faults>>,
    /// The next hop; `None` for the repository, which is the last.
    pub(crate) next: Option<Peer>,
    /// Only the repository has one.
    pub(crate) store: Option<Store>,
}

/// Why the process could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A peer's address cannot be used.
    #[error(transparent)]
    Peer(#[from] BadPeerUrl),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The collector's address cannot be used.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: {0}; it must be http://HOST:PORT")]
    Traces(#[from] ExporterBuildError),
}

impl App {
    /// Sets up what the role needs; the repository opens its store. Must be called inside the runtime.
    pub(crate) fn new(args: Args) -> Result<Self, SetupError> {
        let exporter = spans::exporter(&args.otlp_endpoint)?;
        Self::exporting(args, exporter)
    }

    /// The same, with spans going to this exporter.
    pub(crate) fn exporting<E>(args: Args, exporter: Option<E>) -> Result<Self, SetupError>
    where
        E: SpanExporter + 'static,
    {
        let this = args.hop();
        let store = store_of(&args)?;
        let mut metrics = Metrics::new(&this);
        if store.is_some() {
            metrics.add_store();
        }
        let metrics = Arc::new(metrics);
        let spans = exporter.map_or_else(Spans::nowhere, |exporter| {
            Spans::to(exporter, &args, metrics.spans().clone())
        });
        let next = match args.role.next() {
            Some(role) => {
                let peer = Peer::new(role, args.peer(role)?, Arc::clone(&metrics), spans.clone());
                Some(peer)
            }
            None => None,
        };
        let faults = args.allow_faults.then(Faults::default).map(Arc::new);
        Ok(Self {
            sampling: Sampling::share(args.traces_share),
            args,
            this,
            metrics,
            spans,
            lifecycle: Lifecycle::new(),
            faults,
            next,
            store,
        })
    }

    /// The whole application.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let mut router = roles::routes(self).merge(probes::routes(Arc::clone(self)));
        if let Some(faults) = &self.faults {
            router = router.merge(faults::routes(Arc::clone(faults)));
        }
        let router = router.layer(from_fn_with_state(Arc::clone(self), handling::handle));
        // Added after that: gRPC has errors, deadlines and traces of its own, which are not those of an order.
        grpc::add(router, Arc::clone(self))
    }
}

fn store_of(args: &Args) -> Result<Option<Store>, OpenError> {
    if args.role.next().is_some() {
        return Ok(None);
    }
    let limits = Limits {
        max_orders: args.max_orders,
        ..Limits::default()
    };
    Store::open(&args.data_dir, limits).map(Some)
}
