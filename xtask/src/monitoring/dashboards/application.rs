//! The requests of applications, as they tell them themselves.

use super::Unit::{Number, PerSecond, Seconds, Share};
use super::{Dashboard, Panel, Row, Variable, alerts, areas, figure, job, lines, quantiles};

/// Probes and scrapes, where a label tells them apart, are nobody's requests.
const REQUESTS: &str = "rate(http_requests_total{@, route!~\"/(health|healthz|ready|readyz|livez|metrics)\"}[$__rate_interval])";
const GOOD: &str = "rate(http_requests_total{@, status!~\"5..\", route!~\"/(health|healthz|ready|readyz|livez|metrics)\"}[$__rate_interval])";

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "restapi-application",
        title: "RestAPI / Application",
        description: "What applications tell of their requests: http_requests_total with a label status and http_request_duration_seconds, as the demo application has them.",
        variables: variables(),
        rows: vec![now(), requests(), pods()],
    }
}

fn variables() -> Vec<Variable> {
    let [job, instance] = job("label_values(up, job)", "applications");
    let namespace = Variable {
        name: "namespace",
        title: "namespace",
        values: "label_values(up{job=~\"$job\"}, namespace)",
        only: "",
    };
    let application = Variable {
        name: "application",
        title: "application",
        values: "label_values(up{job=~\"$job\", namespace=~\"$namespace\"}, application)",
        only: "",
    };
    vec![job, namespace, application, instance]
}

fn now() -> Row {
    Row {
        title: "Now",
        panels: vec![
            figure(
                ("Requests", "Of all components, without probes and scrapes."),
                PerSecond,
                &format!("sum({REQUESTS})"),
            ),
            figure(
                (
                    "Answered",
                    "The share of requests that were not answered with 5xx.",
                ),
                Share,
                &format!("sum({GOOD}) / sum({REQUESTS})"),
            ),
            figure(
                ("In flight", "Requests that are being answered."),
                Number,
                "sum(http_requests_in_flight{@})",
            ),
            figure(
                ("Pods", "Those that tell something of themselves."),
                Number,
                "sum(up{@})",
            ),
            alerts(),
        ],
    }
}

fn requests() -> Row {
    Row {
        title: "Requests",
        panels: vec![
            by(
                ("Requests by component", "How many each component answers."),
                ("{{application}} {{component}}", "application, component"),
            ),
            by(
                (
                    "Requests by environment",
                    "Blue and green: a switch is where one takes over from the other.",
                ),
                (
                    "{{application}} {{environment}}",
                    "application, environment",
                ),
            ),
            by(
                ("Requests by code", "The code of the answers."),
                ("{{status}}", "status"),
            ),
            lines(
                (
                    "Answered",
                    "The share of requests that were not answered with 5xx, by component.",
                ),
                Share,
                &[(
                    "{{application}} {{component}}",
                    &format!(
                        "sum by (application, component) ({GOOD}) / sum by (application, component) ({REQUESTS})"
                    ),
                )],
            ),
            quantiles(
                ("Duration", "How long requests take, by component."),
                Seconds,
                "http_request_duration_seconds",
                (
                    "component, ",
                    ["half of {{component}}", "99 of 100 of {{component}}"],
                ),
            ),
        ],
    }
}

fn by(words: (&'static str, &'static str), (legend, labels): (&'static str, &str)) -> Panel {
    areas(
        words,
        PerSecond,
        (legend, &format!("sum by ({labels}) ({REQUESTS})")),
    )
}

fn pods() -> Row {
    Row {
        title: "Pods",
        panels: vec![
            areas(
                (
                    "Pods by environment",
                    "Those that tell something of themselves.",
                ),
                Number,
                (
                    "{{application}} {{component}} {{environment}}",
                    "sum by (application, component, environment) (up{@})",
                ),
            ),
            lines(
                (
                    "Series",
                    "How many each pod tells. More than 5,000 are not taken.",
                ),
                Number,
                &[("{{instance}}", "scrape_samples_scraped{@}")],
            ),
        ],
    }
}
