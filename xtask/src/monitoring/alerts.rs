//! The alerts: `deploy/prometheus/rules` is where they are written; here they become a `PrometheusRule` and rules that
//! Grafana evaluates.

pub(crate) mod grafana;
pub(crate) mod operator;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::paths;

/// The files of rules, in the order in which they are shown.
const FILES: &[&str] = &[
    "managers",
    "rollouts",
    "applications",
    "events",
    "observability",
];

/// A file of rules, as Prometheus reads it.
#[derive(Clone, Debug, Deserialize)]
struct File {
    groups: Vec<Group>,
}

/// Rules that are evaluated one after the other.
#[derive(Clone, Debug, Deserialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

/// A rule: one that records a series, or an alert.
#[derive(Clone, Debug, Deserialize)]
struct Rule {
    #[serde(default)]
    alert: Option<String>,
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "tests look at it"))]
    record: Option<String>,
    expr: String,
    #[serde(default, rename = "for")]
    hold: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

fn path(name: &str) -> PathBuf {
    let folder = paths::repository().join("deploy/prometheus/rules");
    folder.join(format!("{name}.yaml"))
}

fn text(name: &str) -> Result<String> {
    let path = path(name);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// All groups of all files.
fn groups() -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for name in FILES {
        let file: File = serde_saphyr::from_str(&text(name)?)
            .with_context(|| format!("reading the rules {name}"))?;
        groups.extend(file.groups);
    }
    Ok(groups)
}
