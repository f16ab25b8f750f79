//! What every dashboard has to keep to: the rules of Grafana's dashboard-linter, and that every metric exists.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::super::known::{self, Selector};
use super::{all, json, names};
use crate::paths;

fn dashboards() -> Vec<Value> {
    let texts = names().into_iter().map(|name| json(name).unwrap());
    texts
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect()
}

fn array<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).unwrap().as_array().unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// All panels but the titles of rows, of all dashboards.
fn panels() -> Vec<Value> {
    let dashboards = dashboards();
    let panels = dashboards.iter().flat_map(|all| array(all, "/panels"));
    panels
        .filter(|panel| text(panel, "type") != "row")
        .cloned()
        .collect()
}

/// All expressions, as Prometheus would see them.
fn expressions() -> Vec<String> {
    let panels = panels();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets
        .map(|target| text(target, "expr").replace("$__rate_interval", "5m"))
        .collect()
}

fn selectors(expr: &str) -> Vec<Selector> {
    known::selectors(expr).unwrap_or_else(|error| panic!("{error}: {expr}"))
}

#[test]
fn each_has_a_lasting_address_and_is_changed_here_alone() {
    let mut uids = BTreeSet::new();
    for dashboard in dashboards() {
        assert!(uids.insert(text(&dashboard, "uid").to_owned()));
        assert_eq!(dashboard.get("id"), None);
        assert_eq!(dashboard["editable"], false);
    }
}

#[test]
fn source_job_and_instance_are_chosen_and_follow_the_range_of_time() {
    for dashboard in dashboards() {
        let variables = array(&dashboard, "/templating/list");
        let named = |name| variables.iter().find(|v| text(v, "name") == name).unwrap();
        assert_eq!(text(named("datasource"), "type"), "datasource");
        for name in ["job", "instance"] {
            assert_eq!(named(name)["multi"], true);
            assert_eq!(named(name)["datasource"]["uid"], "${datasource}");
        }
        for variable in variables.iter().filter(|v| text(v, "type") == "query") {
            assert_eq!(variable["refresh"], 2);
            let query = variable["query"]["query"].as_str().unwrap();
            let inner = query.strip_prefix("label_values(").unwrap();
            let (series, _) = inner.rsplit_once(", ").unwrap();
            assert!(!selectors(series).is_empty());
        }
    }
}

#[test]
fn every_panel_says_what_it_is_and_in_which_unit() {
    for panel in panels() {
        let title = text(&panel, "title");
        assert!(!title.is_empty() && !text(&panel, "description").is_empty());
        if text(&panel, "type") == "alertlist" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let unit = panel.pointer("/fieldConfig/defaults/unit");
        assert!(unit.is_some_and(Value::is_string), "{title}");
        assert!(!array(&panel, "/targets").is_empty(), "{title}");
    }
}

#[test]
fn no_two_panels_overlap() {
    for dashboard in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in array(&dashboard, "/panels") {
            let at = |side| panel["gridPos"][side].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{}", text(panel, "title"));
                }
            }
        }
    }
}

#[test]
fn every_dashboard_shows_the_alerts() {
    for dashboard in dashboards() {
        let mut panels = array(&dashboard, "/panels").iter();
        assert!(panels.any(|panel| text(panel, "type") == "alertlist"));
    }
}

#[test]
fn every_query_asks_for_what_was_chosen_and_for_metrics_that_exist() {
    let known = known::metrics();
    for expr in expressions() {
        let selectors = selectors(&expr);
        assert!(!selectors.is_empty(), "{expr} asks for nothing");
        for selector in selectors {
            let metric = known::metric_of(&selector.name);
            assert!(known.contains(metric), "{metric} in {expr}");
            for label in ["job", "instance"] {
                assert!(selector.asks_for(label), "{label} in {expr}");
            }
        }
    }
}

#[test]
fn what_is_counted_is_shown_as_a_rate_over_the_interval_that_fits() {
    let of_panels = panels();
    let targets = of_panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    for expr in targets.map(|target| text(target, "expr")) {
        for range in expr.split('[').skip(1) {
            assert!(range.starts_with("$__rate_interval]"), "{expr}");
        }
        for selector in selectors(&expr.replace("$__rate_interval", "5m")) {
            let name = selector.name.as_str();
            // A figure that only tells how many there are counts series, not what they count.
            let is_counter = name.ends_with("_total") || name.ends_with("_bucket");
            let is_rate = matches!(selector.within, Some("rate" | "increase"));
            let counts_series = expr.starts_with("count(");
            assert!(!is_counter || is_rate || counts_series, "{expr}");
        }
    }
}

#[test]
fn grafana_gets_every_dashboard() {
    let folder = paths::repository().join("deploy/grafana");
    let kustomization = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let files = fs::read_dir(folder.join("dashboards")).unwrap();
    let mut uids = BTreeSet::new();
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            kustomization.contains(&format!("dashboards/{name}")),
            "{name}"
        );
        let found: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        uids.insert(text(&found, "uid").to_owned());
    }
    let wanted: BTreeSet<_> = all().iter().map(|it| it.uid.to_owned()).collect();
    assert_eq!(uids, wanted);
}
