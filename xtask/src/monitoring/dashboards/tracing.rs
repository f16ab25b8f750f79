//! What the spans say that Jaeger has counted, and whether they arrive.

use super::Unit::{Milliseconds, Number, PerSecond, Share};
use super::{Dashboard, Panel, Row, Variable, alerts, areas, figure, job, lines, quantiles};

/// Jaeger, and who exports to it.
const TRACING: &str = "jaeger|core-reconciler|.+-manager";

const CALLS: &str =
    "rate(traces_span_metrics_calls_total{@, service_name=~\"$service\"}[$__rate_interval])";
const GOOD: &str = "rate(traces_span_metrics_calls_total{@, service_name=~\"$service\", status_code!=\"STATUS_CODE_ERROR\"}[$__rate_interval])";

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "restapi-tracing",
        title: "RestAPI / Tracing",
        description: "What is traced, by who does it and what it is, and whether traces arrive.",
        variables: variables(),
        rows: vec![now(), operations(), arrival()],
    }
}

fn variables() -> Vec<Variable> {
    let [job, instance] = job("label_values(up, job)", TRACING);
    let service = Variable {
        name: "service",
        title: "service",
        values: "label_values(traces_span_metrics_calls_total{job=~\"$job\"}, service_name)",
        only: "",
    };
    vec![job, instance, service]
}

fn now() -> Row {
    Row {
        title: "Now",
        panels: vec![
            figure(
                ("Jaeger", "How many answer."),
                Number,
                "count(count by (instance) (otelcol_process_uptime_seconds_total{@}))",
            ),
            alerts(),
        ],
    }
}

fn operations() -> Row {
    Row {
        title: "Operations",
        panels: vec![
            areas(
                (
                    "Rate",
                    "Spans that ended, by who told them and what they are.",
                ),
                PerSecond,
                (
                    "{{service_name}} {{span_name}}",
                    &format!("sum by (service_name, span_name) ({CALLS})"),
                ),
            ),
            lines(
                ("Without error", "The share of them that did not fail."),
                Share,
                &[(
                    "{{service_name}} {{span_name}}",
                    &format!(
                        "sum by (service_name, span_name) ({GOOD}) / sum by (service_name, span_name) ({CALLS})"
                    ),
                )],
            ),
            quantiles(
                ("Duration", "How long they took."),
                Milliseconds,
                "traces_span_metrics_duration_milliseconds",
                (
                    "service_name, span_name, ",
                    [
                        "half of {{service_name}} {{span_name}}",
                        "99 of 100 of {{service_name}} {{span_name}}",
                    ],
                ),
            ),
        ],
    }
}

fn arrival() -> Row {
    Row {
        title: "Arrival",
        panels: vec![
            exported(),
            lines(
                (
                    "Taken by Jaeger",
                    "Spans that Jaeger took and refused, by how they came.",
                ),
                PerSecond,
                &[
                    (
                        "taken by {{transport}}",
                        "sum by (transport) (rate(otelcol_receiver_accepted_spans_total{@}[$__rate_interval]))",
                    ),
                    (
                        "refused by {{transport}}",
                        "sum by (transport) (rate(otelcol_receiver_refused_spans_total{@}[$__rate_interval]))",
                    ),
                ],
            ),
            lines(
                ("Kept by Jaeger", "Spans that went on to its storage."),
                PerSecond,
                &[(
                    "{{exporter}}",
                    "sum by (exporter) (rate(otelcol_exporter_sent_spans_total{@}[$__rate_interval]))",
                )],
            ),
        ],
    }
}

fn exported() -> Panel {
    lines(
        (
            "Exported by managers",
            "Spans that got out, and those that got lost.",
        ),
        PerSecond,
        &[
            (
                "{{job}}",
                "sum by (job) (rate(restapi_spans_exported_total{@}[$__rate_interval]))",
            ),
            (
                "{{job}}, lost",
                "sum by (job) (rate(restapi_spans_dropped_total{@}[$__rate_interval]))",
            ),
        ],
    )
}
