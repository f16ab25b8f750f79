//! The dashboards of `deploy/grafana`: what is on them, in as few words as they take. Grafana's form of it is made by
//! [`grafana`], and what every dashboard has to keep to is tried in the tests.

mod application;
mod grafana;
mod managers;
mod overview;
#[cfg(test)]
mod tests;
mod tracing;

use anyhow::{Context, Result};

/// The jobs of managers.
const MANAGERS: &str = "core-reconciler|.+-manager";

/// A dashboard.
#[derive(Clone, Debug)]
struct Dashboard {
    /// What it is known by for ever: the address of its page.
    uid: &'static str,
    title: &'static str,
    description: &'static str,
    /// What is chosen above it, besides the source of the data.
    variables: Vec<Variable>,
    rows: Vec<Row>,
}

/// Something that is chosen above a dashboard, and stands in its queries as `$NAME`.
#[derive(Clone, Copy, Debug)]
struct Variable {
    name: &'static str,
    title: &'static str,
    /// The query that yields what there is to choose from.
    values: &'static str,
    /// A regular expression that what there is to choose from has to match; empty: none.
    only: &'static str,
}

/// Panels under a title.
#[derive(Clone, Debug)]
struct Row {
    title: &'static str,
    panels: Vec<Panel>,
}

/// A figure or a picture.
#[derive(Clone, Debug)]
struct Panel {
    title: &'static str,
    description: &'static str,
    kind: Kind,
    unit: Unit,
    queries: Vec<Query>,
}

/// What a panel looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One number.
    Figure,
    /// Lines over time.
    Lines,
    /// Areas over time, one on top of the other.
    Areas,
    /// The alerts that fire.
    Alerts,
}

/// What a panel's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Things that are counted.
    Number,
    /// Things per second.
    PerSecond,
    Seconds,
    Milliseconds,
    Bytes,
    /// A part of 1.
    Share,
}

/// A query and what its series are called.
#[derive(Clone, Debug)]
struct Query {
    /// In it, `@` stands for what is chosen above the dashboard.
    expr: String,
    legend: &'static str,
}

impl Panel {
    fn new(
        (title, description): (&'static str, &'static str),
        kind: Kind,
        unit: Unit,
        queries: &[(&'static str, &str)],
    ) -> Self {
        let queries = queries.iter().map(|(legend, expr)| Query {
            expr: (*expr).to_owned(),
            legend,
        });
        Self {
            title,
            description,
            kind,
            unit,
            queries: queries.collect(),
        }
    }
}

/// A panel of lines.
fn lines(
    words: (&'static str, &'static str),
    unit: Unit,
    queries: &[(&'static str, &str)],
) -> Panel {
    Panel::new(words, Kind::Lines, unit, queries)
}

/// A panel of areas.
fn areas(words: (&'static str, &'static str), unit: Unit, query: (&'static str, &str)) -> Panel {
    Panel::new(words, Kind::Areas, unit, &[query])
}

/// A panel of one number.
fn figure(words: (&'static str, &'static str), unit: Unit, expr: &str) -> Panel {
    Panel::new(words, Kind::Figure, unit, &[("", expr)])
}

/// A panel of quantiles of a histogram, by what is in `by`, which has to end in a comma unless it is empty.
fn quantiles(
    words: (&'static str, &'static str),
    unit: Unit,
    histogram: &str,
    (by, legends): (&str, [&'static str; 2]),
) -> Panel {
    let of = |quantile| {
        format!(
            "histogram_quantile({quantile}, sum by ({by}le) (rate({histogram}_bucket{{@}}[$__rate_interval])))"
        )
    };
    let [half, most] = legends;
    lines(words, unit, &[(half, &of("0.5")), (most, &of("0.99"))])
}

/// The alerts that fire.
fn alerts() -> Panel {
    let words = (
        "Alerts",
        "What fires now. What each means and what to do: docs/alerts.md.",
    );
    Panel::new(words, Kind::Alerts, Unit::Number, &[])
}

/// The jobs that match, and their instances: every dashboard has these.
const fn job(values: &'static str, only: &'static str) -> [Variable; 2] {
    [
        Variable {
            name: "job",
            title: "job",
            values,
            only,
        },
        Variable {
            name: "instance",
            title: "instance",
            values: "label_values(up{job=~\"$job\"}, instance)",
            only: "",
        },
    ]
}

fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        managers::core_reconciler(),
        managers::bluegreen_manager(),
        application::dashboard(),
        tracing::dashboard(),
    ]
}

/// What all uids begin with.
const PREFIX: &str = "restapi-";

/// The names of all dashboards: their uids without what all begin with.
pub(crate) fn names() -> Vec<&'static str> {
    let uids = all().into_iter().map(|dashboard| dashboard.uid);
    uids.map(|uid| uid.trim_start_matches(PREFIX)).collect()
}

/// A dashboard as Grafana reads it.
///
/// # Errors
/// When there is no such dashboard.
pub(crate) fn json(name: &str) -> Result<String> {
    let all = all();
    let uid = format!("{PREFIX}{name}");
    let dashboard = all.iter().find(|dashboard| dashboard.uid == uid);
    let dashboard = dashboard.with_context(|| format!("there is no dashboard {name}"))?;
    let json = serde_json::to_string_pretty(&grafana::dashboard(dashboard))?;
    Ok(format!("{json}\n"))
}
