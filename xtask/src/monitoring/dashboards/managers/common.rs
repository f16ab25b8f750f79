//! What the dashboard of every manager shows, whatever the manager does.

use super::super::Unit::{Bytes, Number, PerSecond, Seconds};
use super::super::{Row, alerts, areas, figure, lines, quantiles};

/// Whether it works.
pub(super) fn now() -> Row {
    Row {
        title: "Now",
        panels: vec![
            figure(
                ("Ready replicas", "As their /readyz says."),
                Number,
                "sum(restapi_ready{@})",
            ),
            figure(
                (
                    "Leases held",
                    "Of shards of applications, by all replicas together.",
                ),
                Number,
                "sum(restapi_shards_held{@})",
            ),
            figure(
                ("Waiting", "Applications that wait for their turn."),
                Number,
                "sum(workqueue_depth{@})",
            ),
            figure(
                (
                    "Longest reconcile",
                    "How long that one has run which has run longest of those that run now.",
                ),
                Seconds,
                "max(workqueue_longest_running_processor_seconds{@})",
            ),
            alerts(),
        ],
    }
}

/// Its loop.
pub(super) fn reconciles() -> Row {
    Row {
        title: "Reconciles",
        panels: vec![
            areas(
                (
                    "By result",
                    "requeue_after: done, and wanted again after some time.",
                ),
                PerSecond,
                (
                    "{{result}}",
                    "sum by (result) (rate(controller_runtime_reconcile_total{@}[$__rate_interval]))",
                ),
            ),
            lines(
                (
                    "Errors and panics",
                    "Each is tried again, ever more rarely. restapi_reconcile_errors_by_category_total says why.",
                ),
                PerSecond,
                &[
                    (
                        "errors",
                        "sum(rate(controller_runtime_reconcile_errors_total{@}[$__rate_interval]))",
                    ),
                    (
                        "panics",
                        "sum(rate(controller_runtime_reconcile_panics_total{@}[$__rate_interval]))",
                    ),
                ],
            ),
            quantiles(
                (
                    "Duration",
                    "How long reconciles take; a point opens the trace of one. After 30 s one is cut off.",
                ),
                Seconds,
                "controller_runtime_reconcile_time_seconds",
                ("", ["half of them", "99 of 100"]),
            ),
            lines(
                ("Workers", "Reconciles that run, and how many may."),
                Number,
                &[
                    (
                        "running on {{instance}}",
                        "sum by (instance) (controller_runtime_active_workers{@})",
                    ),
                    (
                        "at most",
                        "max(controller_runtime_max_concurrent_reconciles{@})",
                    ),
                ],
            ),
        ],
    }
}

/// What waits for its loop.
pub(super) fn queue() -> Row {
    Row {
        title: "Queue",
        panels: vec![
            lines(
                ("Waiting", "Applications that wait for their turn."),
                Number,
                &[("{{instance}}", "sum by (instance) (workqueue_depth{@})")],
            ),
            quantiles(
                ("Time until the turn", "How long applications wait."),
                Seconds,
                "workqueue_queue_duration_seconds",
                ("", ["half of them", "99 of 100"]),
            ),
            lines(
                (
                    "Coming in",
                    "Applications that begin to wait, and those of them that failed before.",
                ),
                PerSecond,
                &[
                    (
                        "all",
                        "sum(rate(workqueue_adds_total{@}[$__rate_interval]))",
                    ),
                    (
                        "again",
                        "sum(rate(workqueue_retries_total{@}[$__rate_interval]))",
                    ),
                ],
            ),
            lines(
                (
                    "Unfinished work",
                    "How long the reconciles that run now have run together. It grows while one hangs.",
                ),
                Seconds,
                &[(
                    "{{instance}}",
                    "sum by (instance) (workqueue_unfinished_work_seconds{@})",
                )],
            ),
        ],
    }
}

/// What it tells and hears: empty where no NATS is configured.
pub(super) fn events() -> Row {
    Row {
        title: "Events over NATS",
        panels: vec![
            lines(
                (
                    "Connected",
                    "Replicas that are connected to NATS, and that found its stream as it should be: one that stands by does not look.",
                ),
                Number,
                &[(
                    "{{dependency}}",
                    "sum by (dependency) (restapi_dependency_up{@})",
                )],
            ),
            areas(
                (
                    "Published",
                    "Events that NATS took; repeated: it had them already.",
                ),
                PerSecond,
                (
                    "repeated: {{repeated}}",
                    "sum by (repeated) (rate(restapi_bus_published_total{@}[$__rate_interval]))",
                ),
            ),
            lines(
                ("Waiting", "Events that wait to go out; 1,024 is the end."),
                Number,
                &[("{{instance}}", "sum by (instance) (restapi_bus_waiting{@})")],
            ),
            lines(
                (
                    "Lost and failed",
                    "Events that never reached NATS, by the reason, and what failed and was tried again, by the step.",
                ),
                PerSecond,
                &[
                    (
                        "lost: {{reason}}",
                        "sum by (reason) (rate(restapi_bus_lost_total{@}[$__rate_interval]))",
                    ),
                    (
                        "failed: {{step}}",
                        "sum by (step) (rate(restapi_bus_failures_total{@}[$__rate_interval]))",
                    ),
                ],
            ),
            lines(
                (
                    "Received",
                    "Events of others: had an application looked at again (hint), were put aside (dead), came again.",
                ),
                PerSecond,
                &[
                    (
                        "{{result}}",
                        "sum by (result) (rate(restapi_bus_received_total{@}[$__rate_interval]))",
                    ),
                    (
                        "again",
                        "sum(rate(restapi_bus_redelivered_total{@}[$__rate_interval]))",
                    ),
                ],
            ),
        ],
    }
}

/// What it needs, and what it takes.
pub(super) fn surroundings() -> Row {
    Row {
        title: "API server, process, telemetry",
        panels: vec![
            areas(
                (
                    "Requests to the API server",
                    "By method and code of the answer.",
                ),
                PerSecond,
                (
                    "{{method}} {{code}}",
                    "sum by (method, code) (rate(rest_client_requests_total{@}[$__rate_interval]))",
                ),
            ),
            lines(
                (
                    "Lists",
                    "Complete lists that watches began with, by kind, within each interval: few, after the start.",
                ),
                Number,
                &[(
                    "{{kind}}",
                    "sum by (kind) (increase(restapi_watch_lists_total{@}[$__rate_interval]))",
                )],
            ),
            lines(
                ("Watch errors", "By kind."),
                PerSecond,
                &[(
                    "{{kind}}",
                    "sum by (kind) (rate(restapi_watch_errors_total{@}[$__rate_interval]))",
                )],
            ),
            lines(
                (
                    "Kubernetes events and spans lost",
                    "Kubernetes events that were not published, and spans that the collector of traces did not take.",
                ),
                PerSecond,
                &[
                    (
                        "events",
                        "sum(rate(restapi_events_dropped_total{@}[$__rate_interval]))",
                    ),
                    (
                        "spans",
                        "sum(rate(restapi_spans_dropped_total{@}[$__rate_interval]))",
                    ),
                ],
            ),
            lines(
                ("Memory", "What is in RAM, of each replica."),
                Bytes,
                &[("{{instance}}", "process_resident_memory_bytes{@}")],
            ),
            lines(
                (
                    "Processor time",
                    "What each replica uses: 1 is one processor.",
                ),
                Number,
                &[(
                    "{{instance}}",
                    "rate(process_cpu_seconds_total{@}[$__rate_interval])",
                )],
            ),
            lines(
                ("Age", "Since when each replica runs."),
                Seconds,
                &[("{{instance}}", "time() - process_start_time_seconds{@}")],
            ),
        ],
    }
}
