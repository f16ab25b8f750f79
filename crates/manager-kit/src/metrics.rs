//! The metrics of a manager: controller-runtime's names for reconciles, so that existing dashboards
//! work, and `restapi_*` for the rest.
//!
//! Labels hold only what has few values: controllers, kinds, categories. Never names of objects.

mod process;
mod ready;
mod reconcile;
pub mod tally;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use span_queue::SpanCounts;

pub use self::reconcile::{Outcome, ReconcileMetrics, TraceLabels};
use crate::bus::BusMetrics;
use crate::readiness::Readiness;
use crate::shell::ManagerInfo;

/// The content type of [`Metrics::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// What reconciles count and measure.
    pub reconcile: ReconcileMetrics,
    /// What events count.
    pub bus: BusMetrics,
    watch_errors: Family<KindLabels, Counter>,
    watch_lists: Family<KindLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    shards: Gauge,
    shards_held: Gauge,
    events_dropped: Counter,
    spans: SpanCounts,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    code: String,
}

impl Metrics {
    /// The registry of a manager, with the metrics that all managers have.
    #[must_use]
    pub fn new(info: ManagerInfo) -> Self {
        let mut registry = Registry::default();
        let reconcile = ReconcileMetrics::register(&mut registry);
        let metrics = Self {
            reconcile,
            bus: BusMetrics::default(),
            watch_errors: Family::default(),
            watch_lists: Family::default(),
            requests: Family::default(),
            shards: Gauge::default(),
            shards_held: Gauge::default(),
            events_dropped: Counter::default(),
            spans: SpanCounts::default(),
            registry: Arc::default(),
        };
        metrics.register_own(&mut registry);
        metrics.bus.register(&mut registry);
        register_info(&mut registry, info);
        registry.register_collector(Box::new(process::Process::started_now()));
        Self {
            registry: Arc::new(Mutex::new(registry)),
            ..metrics
        }
    }

    /// The same, in which every metric has a series, so that [`Metrics::encode`] lists them all: for their reference.
    /// Where a label's values come from outside, such as a kind, its name in capitals stands for them.
    #[must_use]
    pub fn listing(info: ManagerInfo) -> Self {
        let metrics = Self::new(info);
        metrics.tell_ready(Readiness::default());
        metrics.watches("KIND");
        let labels = RequestLabels {
            method: "METHOD".to_owned(),
            code: "CODE".to_owned(),
        };
        drop(metrics.requests.get_or_create(&labels));
        metrics.reconcile.announce("CONTROLLER", 1);
        drop(metrics.reconcile.wait("CONTROLLER"));
        let error = Outcome::Error("CATEGORY");
        let took = Duration::ZERO;
        metrics.reconcile.ended("CONTROLLER", error, took, None);
        metrics.bus.announce();
        metrics
    }

    fn register_own(&self, registry: &mut Registry) {
        registry.register(
            "restapi_watch_errors",
            "Errors of watches of the API server, by the kind watched",
            self.watch_errors.clone(),
        );
        registry.register(
            "restapi_watch_lists",
            "Complete lists that watches began with, by the kind watched",
            self.watch_lists.clone(),
        );
        registry.register(
            "rest_client_requests",
            "Requests to the API server, by method and status code; code is <error> without an answer",
            self.requests.clone(),
        );
        registry.register(
            "restapi_shards",
            "Shards that there are, each of which one instance is to hold",
            self.shards.clone(),
        );
        registry.register(
            "restapi_shards_held",
            "Shards whose lease this instance holds",
            self.shards_held.clone(),
        );
        registry.register(
            "restapi_events_dropped",
            "Kubernetes events that were not published: queue full, or refused by the API server",
            self.events_dropped.clone(),
        );
        self.spans.register(registry, "restapi");
    }

    /// Registers a manager's own metrics: `add` gets a registry in which every name starts with
    /// `prefix` and an underscore, for example `restapi_rollout`; what it returns is passed on.
    pub fn register<T>(&self, prefix: &str, add: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        add(registry.sub_registry_with_prefix(prefix))
    }

    /// Tells whether the instance is ready, too.
    pub(crate) fn tell_ready(&self, readiness: Readiness) {
        self.collect(Box::new(ready::Ready(readiness)));
    }

    /// Has figures told at each scrape.
    pub(crate) fn collect(&self, collector: Box<dyn Collector>) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(collector);
    }

    /// All metrics in the `OpenMetrics` text format, see [`CONTENT_TYPE`].
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(%error, "cannot encode the metrics");
        }
        text
    }

    /// Makes the series of a watch of `kind` exist with zeros, so that its first error shows as an increase.
    pub(crate) fn watches(&self, kind: &str) {
        let labels = KindLabels {
            kind: kind.to_owned(),
        };
        drop(self.watch_errors.get_or_create(&labels));
        drop(self.watch_lists.get_or_create(&labels));
    }

    /// Counts an error of a watch of `kind`.
    pub(crate) fn watch_failed(&self, kind: &str) {
        self.watch_errors
            .get_or_create(&KindLabels {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// Counts a complete list of `kind`.
    pub(crate) fn listed(&self, kind: &str) {
        self.watch_lists
            .get_or_create(&KindLabels {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// Counts a request to the API server; `code` is `None` when no answer came.
    pub(crate) fn requested(&self, method: &http::Method, code: Option<http::StatusCode>) {
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.as_u16().to_string());
        self.requests
            .get_or_create(&RequestLabels {
                method: method.to_string(),
                code,
            })
            .inc();
    }

    /// Says how many shards there are.
    pub(crate) fn has_shards(&self, count: u32) {
        self.shards.set(count.into());
    }

    /// Says how many shards this instance holds now.
    pub(crate) fn holds_shards(&self, count: usize) {
        self.shards_held
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// What counts the spans that are exported.
    pub(crate) fn spans(&self) -> &SpanCounts {
        &self.spans
    }

    /// Counts an event that was not published.
    pub(crate) fn event_dropped(&self) {
        self.events_dropped.inc();
    }
}

fn register_info(registry: &mut Registry, info: ManagerInfo) {
    let labels = [
        ("manager".into(), info.name.into()),
        ("version".into(), info.version.into()),
        ("revision".into(), info.revision().into()),
    ];
    registry
        .sub_registry_with_labels(labels.into_iter())
        .register(
            "restapi_manager_info",
            "The manager that runs here; always 1",
            ConstGauge::new(1_i64),
        );
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: ManagerInfo = ManagerInfo {
        name: "test-manager",
        version: "1.2.3",
    };

    #[test]
    fn names_are_the_documented_ones() {
        let metrics = Metrics::new(INFO);
        metrics.watch_failed("Deployment");
        metrics.listed("Deployment");
        metrics.requested(&http::Method::GET, Some(http::StatusCode::OK));
        metrics.requested(&http::Method::PATCH, None);
        metrics.holds_shards(1);
        let text = metrics.encode();
        for line in [
            "restapi_watch_errors_total{kind=\"Deployment\"} 1",
            "restapi_watch_lists_total{kind=\"Deployment\"} 1",
            "rest_client_requests_total{method=\"GET\",code=\"200\"} 1",
            "rest_client_requests_total{method=\"PATCH\",code=\"<error>\"} 1",
            "restapi_shards_held 1",
            "restapi_events_dropped_total 0",
        ] {
            assert!(
                text.lines().any(|l| l == line),
                "no line {line} in:\n{text}"
            );
        }
        let info = "restapi_manager_info{manager=\"test-manager\",version=\"1.2.3\",revision=";
        assert!(text.contains(info), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_managers_own_metrics_get_its_prefix() {
        let metrics = Metrics::new(INFO);
        let counter = metrics.register("restapi_rollout", |registry| {
            let counter = Counter::<u64>::default();
            registry.register("aborts", "Rollouts that were aborted", counter.clone());
            counter
        });
        counter.inc();
        assert!(
            metrics
                .encode()
                .contains("\nrestapi_rollout_aborts_total 1\n")
        );
    }
}
