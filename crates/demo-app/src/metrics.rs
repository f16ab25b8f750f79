//! Metrics in the text format that Prometheus reads. Every label is bounded: routes are patterns,
//! never paths.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::chain::Hop;
use crate::store::Figures;
use span_queue::SpanCounts;

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// How one attempt to reach the next hop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerOutcome {
    /// It answered, with whatever status.
    Answered,
    /// No connection came about.
    Unreachable,
    /// The connection ended before the answer was complete.
    Broken,
    /// It answered something that is not of this application.
    Foreign,
}

impl PeerOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Foreign => "foreign",
        }
    }
}

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    peer_attempts: Family<OutcomeLabels, Counter>,
    peer_retries: Counter,
    mixed_chains: Counter,
    rejected: Counter,
    spans: SpanCounts,
    store: StoreMetrics,
}

#[derive(Debug, Default)]
struct StoreMetrics {
    orders: Gauge,
    log_bytes: Gauge,
    cache_hits: Gauge<u64, AtomicU64>,
    cache_misses: Gauge<u64, AtomicU64>,
}

/// Counts a request as in flight until dropped.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn latency_histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    /// The metrics of the pod `this`.
    #[must_use]
    pub fn new(this: &Hop) -> Self {
        let mut registry = Registry::default();
        registry.register("demo_app_build", "What runs here", build_info(this));
        let metrics = Self {
            registry,
            requests: Family::default(),
            latency: Family::new_with_constructor(latency_histogram),
            in_flight: Gauge::default(),
            peer_attempts: Family::default(),
            peer_retries: Counter::default(),
            mixed_chains: Counter::default(),
            rejected: Counter::default(),
            spans: SpanCounts::default(),
            store: StoreMetrics::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from reading a request's head to its answer",
            self.latency.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being answered",
            self.in_flight.clone(),
        );
        registry.register(
            "demo_app_peer_attempts",
            "Attempts to reach the next hop, by how they ended",
            self.peer_attempts.clone(),
        );
        registry.register(
            "demo_app_peer_retries",
            "Attempts that followed a failed one",
            self.peer_retries.clone(),
        );
        registry.register(
            "demo_app_mixed_chains",
            "Answers whose hops belong to more than one environment",
            self.mixed_chains.clone(),
        );
        registry.register(
            "demo_app_rejected",
            "Requests refused because too many were waiting",
            self.rejected.clone(),
        );
        self.spans.register(registry, "demo");
        self
    }

    /// What counts the spans of this process.
    pub(crate) fn spans(&self) -> &SpanCounts {
        &self.spans
    }

    /// Adds the repository's figures to what is rendered.
    pub fn add_store(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "demo_app_orders",
            "Orders stored",
            self.store.orders.clone(),
        );
        registry.register(
            "demo_app_log_bytes",
            "Size of the log",
            self.store.log_bytes.clone(),
        );
        registry.register(
            "demo_app_cache_hits",
            "Reads answered from the cache since the start",
            self.store.cache_hits.clone(),
        );
        registry.register(
            "demo_app_cache_misses",
            "Reads that went to the file since the start",
            self.store.cache_misses.clone(),
        );
    }

    /// Takes over the repository's present figures.
    pub fn set_store(&self, figures: Figures) {
        self.store
            .orders
            .set(i64::try_from(figures.orders).unwrap_or(i64::MAX));
        self.store
            .log_bytes
            .set(i64::try_from(figures.log_bytes).unwrap_or(i64::MAX));
        self.store.cache_hits.set(figures.cache_hits);
        self.store.cache_misses.set(figures.cache_misses);
    }

    /// Counts a request as in flight until the value is dropped.
    #[must_use]
    pub fn enter(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts an answered request. `route` is the route's pattern.
    pub fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let (method, route) = (method_label(method), route.to_owned());
        self.latency
            .get_or_create(&RouteLabels {
                method,
                route: route.clone(),
            })
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&RequestLabels {
                method,
                route,
                status: status.as_u16(),
            })
            .inc();
    }

    /// Counts an attempt to reach the next hop.
    pub fn peer_attempt(&self, outcome: PeerOutcome) {
        self.peer_attempts
            .get_or_create(&OutcomeLabels {
                outcome: outcome.name(),
            })
            .inc();
    }

    /// Counts an attempt that follows a failed one.
    pub fn peer_retry(&self) {
        self.peer_retries.inc();
    }

    /// Counts an answer that crossed environments.
    pub fn mixed_chain(&self) {
        self.mixed_chains.inc();
    }

    /// Counts a request that was refused because too many were waiting.
    pub fn reject(&self) {
        self.rejected.inc();
    }

    /// All metrics as text.
    ///
    /// # Errors
    /// [`std::fmt::Error`], which writing to a string never gives.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

fn build_info(this: &Hop) -> Info<Vec<(&'static str, String)>> {
    Info::new(vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("role", this.role.name().to_owned()),
        ("environment", this.environment.clone()),
        ("revision", this.version.clone()),
    ])
}

/// The method's name; names that clients make up share one label.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Role;

    fn metrics() -> Metrics {
        Metrics::new(&Hop {
            role: Role::Model,
            environment: "blue".into(),
            version: "abc".into(),
            pod: "pod-1".into(),
        })
    }

    #[test]
    fn requests_are_counted_by_route_and_status() {
        let metrics = metrics();
        let took = Duration::from_millis(3);
        metrics.answered(&Method::GET, "/orders/{id}", StatusCode::OK, took);
        metrics.answered(&Method::GET, "/orders/{id}", StatusCode::OK, took);
        let text = metrics.render().unwrap();
        let line = r#"http_requests_total{method="GET",route="/orders/{id}",status="200"} 2"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains(r#"demo_app_build_info{version="0"#), "{text}");
        assert!(text.contains(r#"le="0.005"#), "{text}");
    }

    #[test]
    fn in_flight_falls_when_the_request_ends_in_any_way() {
        let metrics = metrics();
        let entered = metrics.enter();
        assert!(
            metrics
                .render()
                .unwrap()
                .contains("http_requests_in_flight 1")
        );
        drop(entered);
        assert!(
            metrics
                .render()
                .unwrap()
                .contains("http_requests_in_flight 0")
        );
    }

    #[test]
    fn made_up_methods_share_a_label() {
        let method = Method::from_bytes(b"BREW").unwrap();
        metrics().answered(&method, "/", StatusCode::OK, Duration::ZERO);
        assert_eq!(method_label(&method), "other");
    }
}
