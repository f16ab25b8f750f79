//! What controller-runtime counts and measures about reconciles, under the same names.
//!
//! Not there: `controller_runtime_terminal_reconcile_errors_total`, since no error is final here: each is tried again.

mod running;

use std::time::{Duration, Instant, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(crate) use self::running::Active;
use self::running::Running;

/// controller-runtime's buckets, in seconds.
const SECONDS: [f64; 40] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 40.0, 50.0, 60.0,
];

/// client-go's buckets of how long an object waits for its turn, and is worked on, in seconds.
const WAITED: [f64; 12] = [
    1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0,
];

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done until something changes.
    Success,
    /// Done, and wanted again after some time.
    RequeueAfter,
    /// Cut short because this instance lost the shard.
    Requeue,
    /// Failed; the category says in one word why and has few values.
    Error(&'static str),
    /// Panicked, which counts as an error too.
    Panic,
}

/// Counters, gauges and the histogram of reconciles, each by controller.
#[derive(Clone, Debug)]
pub struct ReconcileMetrics {
    total: Family<ResultLabels, Counter>,
    errors: Family<ControllerLabels, Counter>,
    by_category: Family<CategoryLabels, Counter>,
    panics: Family<ControllerLabels, Counter>,
    seconds: Family<ControllerLabels, Seconds, fn() -> Seconds>,
    max_concurrent: Family<ControllerLabels, Gauge>,
    active: Family<ControllerLabels, Gauge>,
    depth: Family<QueueLabels, Gauge>,
    waited: Family<QueueLabels, Histogram, fn() -> Histogram>,
    worked: Family<QueueLabels, Histogram, fn() -> Histogram>,
    adds: Family<QueueLabels, Counter>,
    retries: Family<QueueLabels, Counter>,
    running: Running,
}

type Seconds = HistogramWithExemplars<TraceLabels>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

/// controller-runtime names its queues twice.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct QueueLabels {
    name: &'static str,
    controller: &'static str,
}

impl QueueLabels {
    const fn of(controller: &'static str) -> Self {
        Self {
            name: controller,
            controller,
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CategoryLabels {
    controller: &'static str,
    category: &'static str,
}

/// The exemplar of a measurement: the trace of what was measured.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct TraceLabels {
    /// As hexadecimal.
    pub trace_id: String,
}

impl ReconcileMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            total: Family::default(),
            errors: Family::default(),
            by_category: Family::default(),
            panics: Family::default(),
            seconds: Family::new_with_constructor(|| Seconds::new(SECONDS.into_iter())),
            max_concurrent: Family::default(),
            active: Family::default(),
            depth: Family::default(),
            waited: Family::new_with_constructor(|| Histogram::new(WAITED)),
            worked: Family::new_with_constructor(|| Histogram::new(WAITED)),
            adds: Family::default(),
            retries: Family::default(),
            running: Running::default(),
        };
        metrics.register_own(registry.sub_registry_with_prefix("controller_runtime"));
        metrics.register_queue(registry.sub_registry_with_prefix("workqueue"));
        registry.register(
            "restapi_reconcile_errors_by_category",
            "Reconciles that failed, by category of the error",
            metrics.by_category.clone(),
        );
        metrics
    }

    fn register_own(&self, registry: &mut Registry) {
        registry.register("reconcile", "Reconciles, by result", self.total.clone());
        registry.register(
            "reconcile_errors",
            "Reconciles that failed",
            self.errors.clone(),
        );
        registry.register(
            "reconcile_panics",
            "Reconciles that panicked",
            self.panics.clone(),
        );
        registry.register(
            "reconcile_time_seconds",
            "How long reconciles took, in seconds",
            self.seconds.clone(),
        );
        registry.register(
            "max_concurrent_reconciles",
            "How many reconciles may run at the same time",
            self.max_concurrent.clone(),
        );
        registry.register(
            "active_workers",
            "Reconciles running now",
            self.active.clone(),
        );
    }

    fn register_queue(&self, registry: &mut Registry) {
        registry.register(
            "depth",
            "Objects that wait for their turn to be reconciled",
            self.depth.clone(),
        );
        registry.register(
            "queue_duration_seconds",
            "How long objects waited for their turn, in seconds",
            self.waited.clone(),
        );
        registry.register(
            "work_duration_seconds",
            "How long objects were worked on, in seconds",
            self.worked.clone(),
        );
        registry.register(
            "adds",
            "Objects that began to wait for their turn",
            self.adds.clone(),
        );
        registry.register(
            "retries",
            "Objects that are to be reconciled again because it failed",
            self.retries.clone(),
        );
        registry.register_collector(Box::new(self.running.clone()));
    }

    /// Makes a controller's series exist with zeros, so that the first error shows as an increase.
    pub(crate) fn announce(&self, controller: &'static str, concurrency: u16) {
        let labels = ControllerLabels { controller };
        for result in ["success", "error", "requeue", "requeue_after"] {
            drop(
                self.total
                    .get_or_create(&ResultLabels { controller, result }),
            );
        }
        drop(self.errors.get_or_create(&labels));
        drop(self.panics.get_or_create(&labels));
        drop(self.active.get_or_create(&labels));
        let queue = QueueLabels::of(controller);
        drop(self.depth.get_or_create(&queue));
        drop(self.adds.get_or_create(&queue));
        drop(self.retries.get_or_create(&queue));
        drop(self.waited.get_or_create(&queue));
        drop(self.worked.get_or_create(&queue));
        drop(self.seconds.get_or_create(&labels));
        self.running.announce(controller);
        self.max_concurrent
            .get_or_create(&labels)
            .set(i64::from(concurrency));
    }

    /// Counts an object as waiting for its turn until the returned value is dropped, and measures that.
    #[must_use]
    pub(crate) fn wait(&self, controller: &'static str) -> Waiting {
        let labels = QueueLabels::of(controller);
        self.adds.get_or_create(&labels).inc();
        let depth = self.depth.get_or_create_owned(&labels);
        depth.inc();
        Waiting {
            depth,
            waited: self.waited.get_or_create_owned(&labels),
            since: Instant::now(),
        }
    }

    /// Counts a reconcile as running until the returned value is dropped.
    #[must_use]
    pub(crate) fn start(&self, controller: &'static str) -> Active {
        let labels = ControllerLabels { controller };
        let gauge = self.active.get_or_create_owned(&labels);
        self.running.start(controller, gauge)
    }

    /// Counts and measures a reconcile that ended; `trace` is the id of its trace, as hexadecimal.
    pub(crate) fn ended(
        &self,
        controller: &'static str,
        outcome: Outcome,
        took: Duration,
        trace: Option<String>,
    ) {
        let labels = ControllerLabels { controller };
        let result = match outcome {
            Outcome::Success => "success",
            Outcome::RequeueAfter => "requeue_after",
            Outcome::Requeue => "requeue",
            Outcome::Error(_) | Outcome::Panic => "error",
        };
        self.total
            .get_or_create(&ResultLabels { controller, result })
            .inc();
        let exemplar = trace.map(|trace_id| TraceLabels { trace_id });
        let seconds = self.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64(), exemplar, Some(SystemTime::now()));
        let worked = self.worked.get_or_create(&QueueLabels::of(controller));
        worked.observe(took.as_secs_f64());
        drop(worked);
        let category = match outcome {
            Outcome::Error(category) => category,
            Outcome::Panic => {
                self.panics.get_or_create(&labels).inc();
                "panic"
            }
            _ => return,
        };
        self.errors.get_or_create(&labels).inc();
        self.retries
            .get_or_create(&QueueLabels::of(controller))
            .inc();
        self.by_category
            .get_or_create(&CategoryLabels {
                controller,
                category,
            })
            .inc();
    }
}

/// An object that waits for its turn.
#[derive(Debug)]
pub(crate) struct Waiting {
    depth: Gauge,
    waited: Histogram,
    since: Instant,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.depth.dec();
        self.waited.observe(self.since.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconciles_are_counted_under_controller_runtimes_names() {
        let mut registry = Registry::default();
        let metrics = ReconcileMetrics::register(&mut registry);
        metrics.announce("apps", 16);
        let took = Duration::from_millis(20);
        metrics.ended("apps", Outcome::Success, took, None);
        metrics.ended("apps", Outcome::RequeueAfter, took, None);
        metrics.ended("apps", Outcome::Requeue, took, None);
        metrics.ended(
            "apps",
            Outcome::Error("conflict"),
            took,
            Some("4bf92f".to_owned()),
        );
        metrics.ended("apps", Outcome::Panic, took, None);
        let active = metrics.start("apps");
        drop(metrics.wait("apps"));
        let waiting = metrics.wait("apps");
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "controller_runtime_reconcile_total{controller=\"apps\",result=\"success\"} 1",
            "controller_runtime_reconcile_total{controller=\"apps\",result=\"requeue\"} 1",
            "controller_runtime_reconcile_total{controller=\"apps\",result=\"requeue_after\"} 1",
            "controller_runtime_reconcile_total{controller=\"apps\",result=\"error\"} 2",
            "controller_runtime_reconcile_errors_total{controller=\"apps\"} 2",
            "controller_runtime_reconcile_panics_total{controller=\"apps\"} 1",
            "controller_runtime_reconcile_time_seconds_count{controller=\"apps\"} 5",
            "controller_runtime_max_concurrent_reconciles{controller=\"apps\"} 16",
            "controller_runtime_active_workers{controller=\"apps\"} 1",
            "workqueue_depth{name=\"apps\",controller=\"apps\"} 1",
            "workqueue_queue_duration_seconds_count{name=\"apps\",controller=\"apps\"} 1",
            "workqueue_work_duration_seconds_count{name=\"apps\",controller=\"apps\"} 5",
            "workqueue_adds_total{name=\"apps\",controller=\"apps\"} 2",
            "workqueue_retries_total{name=\"apps\",controller=\"apps\"} 2",
            "restapi_reconcile_errors_by_category_total{controller=\"apps\",category=\"conflict\"} 1",
            "restapi_reconcile_errors_by_category_total{controller=\"apps\",category=\"panic\"} 1",
        ] {
            assert!(
                text.lines().any(|l| l == line),
                "no line {line} in:\n{text}"
            );
        }
        assert!(
            text.contains("# {trace_id=\"4bf92f\"}"),
            "the exemplar carries the trace:\n{text}"
        );
        drop((active, waiting));
        text.clear();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("controller_runtime_active_workers{controller=\"apps\"} 0"));
    }
}
