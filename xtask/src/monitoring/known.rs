//! What expressions speak of, and whether there is such a thing.

use std::collections::BTreeSet;
use std::fs;

use promql_parser::label::Matcher;
use promql_parser::parser::{self, Expr};

use super::reference;
use crate::paths;

/// Metrics that are not the managers': Prometheus' own and of each target, Jaeger's, and what applications tell of
/// their requests.
const FOREIGN: &[&str] = &[
    "up",
    "scrape_samples_scraped",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "otelcol_exporter_sent_spans_total",
    "otelcol_process_uptime_seconds_total",
    "otelcol_receiver_accepted_spans_total",
    "otelcol_receiver_refused_spans_total",
    "traces_span_metrics_calls_total",
    "traces_span_metrics_duration_milliseconds",
    "http_requests_total",
    "http_requests_in_flight",
    "http_request_duration_seconds",
];

/// One place in an expression that asks for series.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    /// The metric.
    pub(super) name: String,
    pub(super) matchers: Vec<Matcher>,
    /// The function right around it, such as `rate`.
    pub(super) within: Option<&'static str>,
}

impl Selector {
    /// Whether it asks for the label like this: `NAME=~"$NAME"`.
    pub(super) fn asks_for(&self, label: &str) -> bool {
        let value = format!("${label}");
        let mut matchers = self.matchers.iter();
        matchers.any(|matcher| matcher.name == label && matcher.value == value)
    }
}

/// All that an expression asks for; or what is wrong with it.
pub(super) fn selectors(expr: &str) -> Result<Vec<Selector>, String> {
    let parsed = parser::parse(expr)?;
    let mut all = Vec::new();
    collect(&parsed, None, &mut all)?;
    Ok(all)
}

fn collect(
    expr: &Expr,
    within: Option<&'static str>,
    all: &mut Vec<Selector>,
) -> Result<(), String> {
    match expr {
        Expr::VectorSelector(selector) => {
            all.push(selected(selector, within)?);
            Ok(())
        }
        Expr::MatrixSelector(selector) => {
            all.push(selected(&selector.vs, within)?);
            Ok(())
        }
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, None, all),
        Expr::Unary(unary) => collect(&unary.expr, None, all),
        Expr::Paren(paren) => collect(&paren.expr, within, all),
        Expr::Subquery(subquery) => collect(&subquery.expr, within, all),
        Expr::Binary(binary) => {
            collect(&binary.lhs, None, all)?;
            collect(&binary.rhs, None, all)
        }
        Expr::Call(call) if call.func.name == "vector" => {
            Err("vector(…) is data where there is none".to_owned())
        }
        Expr::Call(call) => {
            let mut args = call.args.args.iter();
            args.try_for_each(|arg| collect(arg, Some(call.func.name), all))
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Ok(()),
    }
}

fn selected(
    selector: &parser::VectorSelector,
    within: Option<&'static str>,
) -> Result<Selector, String> {
    Ok(Selector {
        name: selector.name.clone().ok_or("a selector without a metric")?,
        matchers: selector.matchers.matchers.clone(),
        within,
    })
}

/// All metrics that there are.
pub(super) fn metrics() -> BTreeSet<String> {
    let page = fs::read_to_string(paths::repository().join(reference::FILE)).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let own = rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()));
    own.chain(FOREIGN.iter().map(ToString::to_string)).collect()
}

/// The metric that a series is of: of a histogram's, the histogram.
pub(super) fn metric_of(name: &str) -> &str {
    let suffixes = ["_bucket", "_sum", "_count"];
    let mut stripped = suffixes
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix));
    stripped.next().unwrap_or(name)
}

#[test]
fn expressions_are_taken_apart() {
    let found = selectors("sum(rate(a_total{x=~\"$x\"}[5m])) / on (y) b_bucket").unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|selector| selector.name.as_str())
        .collect();
    assert_eq!(names, ["a_total", "b_bucket"]);
    assert_eq!(found[0].within, Some("rate"));
    assert!(found[0].asks_for("x") && !found[1].asks_for("x"));
    assert_eq!(metric_of("b_bucket"), "b");
    assert!(selectors("a or vector(0)").is_err());
    assert!(selectors("sum(").is_err());
}
