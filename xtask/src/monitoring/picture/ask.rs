//! The answers to a dashboard's queries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cluster::Target;
use crate::monitoring::prometheus;

/// How many points a line has.
const POINTS: u64 = 60;

/// How many seconds there are from one to the next.
pub(super) fn step((start, end): (u64, u64)) -> u64 {
    (end.saturating_sub(start) / POINTS).max(1)
}

/// What alerts there are, as the panel of alerts asks.
const ALERTS: &str = "ALERTS{alertname=~\"RestAPI.+\"}";

/// Prometheus, asked over one range of time.
pub(super) struct Prometheus<'a> {
    target: &'a Target,
    /// From then until then, in seconds.
    pub(super) range: (u64, u64),
}

/// A panel with what its queries found.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) unit: String,
    pub(super) is_stacked: bool,
    /// Left, top, width and height, in Grafana's units.
    pub(super) place: [u64; 4],
    pub(super) lines: Vec<Line>,
}

/// A series, by the name that the legend gives it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    /// Seconds and values, without those that are no numbers.
    pub(super) points: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: Map<String, Value>,
    values: Vec<(f64, String)>,
}

impl<'a> Prometheus<'a> {
    /// The last time, until now.
    pub(super) fn over(target: &'a Target, last: Duration) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let range = (now.saturating_sub(last).as_secs(), now.as_secs());
        Ok(Self { target, range })
    }

    /// All panels, each with the answers to its queries.
    pub(super) fn panels(&self, dashboard: &Value) -> Result<Vec<Panel>> {
        let panels = dashboard["panels"].as_array().into_iter().flatten();
        panels.map(|panel| self.panel(dashboard, panel)).collect()
    }

    fn panel(&self, dashboard: &Value, panel: &Value) -> Result<Panel> {
        let text = |pointer: &str| {
            let value = panel.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let kind = text("/type");
        let mut lines = Vec::new();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = chosen(dashboard, target["expr"].as_str().unwrap_or_default());
            let legend = target["legendFormat"].as_str().unwrap_or_default();
            lines.extend(self.lines(&query, legend)?);
        }
        if kind == "alertlist" {
            lines.extend(self.lines(ALERTS, "{{alertname}} ({{alertstate}})")?);
        }
        let number = |pointer: &str| panel.pointer(pointer).and_then(Value::as_u64);
        let place = ["/gridPos/x", "/gridPos/y", "/gridPos/w", "/gridPos/h"].map(number);
        Ok(Panel {
            title: text("/title"),
            unit: text("/fieldConfig/defaults/unit"),
            is_stacked: text("/fieldConfig/defaults/custom/stacking/mode") == "normal",
            place: place.map(Option::unwrap_or_default),
            kind,
            lines,
        })
    }

    fn lines(&self, query: &str, legend: &str) -> Result<Vec<Line>> {
        let (start, end) = self.range;
        let step = step(self.range);
        let [start, end, step] = [start, end, step].map(|number| number.to_string());
        let parameters = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", &step),
        ];
        let answer: Answer = prometheus::ask(self.target, "query_range", &parameters)?;
        Ok(answer
            .data
            .result
            .iter()
            .map(|series| line(series, legend))
            .collect())
    }
}

/// The query while all is chosen that there is to choose.
fn chosen(dashboard: &Value, query: &str) -> String {
    let mut query = query.replace("$__rate_interval", "1m");
    let variables = dashboard.pointer("/templating/list");
    for variable in variables.and_then(Value::as_array).into_iter().flatten() {
        let text = |field: &str| variable[field].as_str().unwrap_or_default();
        query = query.replace(&format!("${}", text("name")), text("allValue"));
    }
    query
}

fn line(series: &Series, legend: &str) -> Line {
    let mut name = legend.to_owned();
    for (label, value) in &series.metric {
        let value = value.as_str().unwrap_or_default();
        name = name.replace(&format!("{{{{{label}}}}}"), value);
    }
    let numbers = series.values.iter().filter_map(|(at, value)| {
        let value: f64 = value.parse().ok()?;
        value.is_finite().then_some((*at, value))
    });
    Line {
        name,
        points: numbers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_called_as_the_legend_says_and_has_numbers_alone() {
        let series: Series = serde_json::from_str(
            r#"{"metric": {"job": "core", "phase": "Ready"}, "values": [[1, "2"], [2, "NaN"]]}"#,
        )
        .unwrap();
        let wanted = Line {
            name: "Ready of core".to_owned(),
            points: vec![(1.0, 2.0)],
        };
        assert_eq!(line(&series, "{{phase}} of {{job}}"), wanted);
    }
}
