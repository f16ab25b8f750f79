//! What every alert has to keep to. That the expressions are right, `promtool` tries (suite monitoring).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;

use super::super::known;
use super::{FILES, Rule, groups};
use crate::paths;

fn rules() -> Vec<Rule> {
    let groups = groups().unwrap();
    groups.into_iter().flat_map(|group| group.rules).collect()
}

fn alerts() -> BTreeMap<String, Rule> {
    let named = |rule: Rule| Some((rule.alert.clone()?, rule));
    let all: Vec<_> = rules().into_iter().filter_map(named).collect();
    let by_name: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(all.len(), by_name.len(), "two alerts of one name");
    by_name
}

#[test]
fn every_file_is_one_that_prometheus_gets() {
    let folder = paths::repository().join("deploy/prometheus");
    let kustomization = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let files: BTreeSet<String> = fs::read_dir(folder.join("rules"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let named: BTreeSet<String> = FILES.iter().map(|name| format!("{name}.yaml")).collect();
    assert_eq!(files, named);
    for file in files {
        assert!(
            kustomization.contains(&format!("- rules/{file}\n")),
            "{file}"
        );
    }
}

#[test]
fn every_alert_says_how_grave_it_is_and_what_to_read() {
    for (name, rule) in alerts() {
        let severity = rule.labels["severity"].as_str();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}"
        );
        for annotation in ["summary", "description"] {
            assert!(!rule.annotations[annotation].is_empty(), "{name}");
        }
        let anchor = format!("docs/alerts.md#{}", name.to_lowercase());
        assert_eq!(rule.annotations["runbook_url"], anchor, "{name}");
    }
}

#[test]
fn every_metric_of_a_rule_exists() {
    let mut known = known::metrics();
    known.extend(rules().into_iter().filter_map(|rule| rule.record));
    for rule in rules() {
        let selectors = known::selectors(&rule.expr);
        for selector in selectors.unwrap_or_else(|error| panic!("{error}: {}", rule.expr)) {
            let metric = known::metric_of(&selector.name);
            assert!(known.contains(metric), "{metric} in {}", rule.expr);
        }
    }
}

#[test]
fn the_page_has_a_section_for_every_alert_and_no_other() {
    let page = fs::read_to_string(paths::repository().join("docs/alerts.md")).unwrap();
    let sections: BTreeMap<&str, &str> = page
        .split("\n### ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap())
        .collect();
    let alerts = alerts();
    let names: Vec<&str> = alerts.keys().map(String::as_str).collect();
    assert_eq!(sections.keys().copied().collect::<Vec<_>>(), names);
    for (name, text) in sections {
        for part in ["**Means**", "**Users notice**", "**Look at**", "**Do**"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
    }
}

/// The part of a file of `promtool test rules` that is looked at.
#[derive(Deserialize)]
struct Tests {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    alert_rule_test: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<serde_json::Value>,
}

#[test]
fn every_alert_is_tried_where_it_fires_and_where_it_does_not() {
    let (mut fires, mut rests) = (BTreeSet::new(), BTreeSet::new());
    for name in FILES {
        let path = paths::repository().join(format!("tests/alerts/{name}.yaml"));
        let text = fs::read_to_string(&path).unwrap();
        let file: Tests = serde_saphyr::from_str(&text).unwrap();
        for case in file.tests.into_iter().flat_map(|test| test.alert_rule_test) {
            let tried = if case.exp_alerts.is_empty() {
                &mut rests
            } else {
                &mut fires
            };
            tried.insert(case.alertname);
        }
    }
    let alerts: BTreeSet<_> = alerts().into_keys().collect();
    assert_eq!(fires, alerts, "where it fires");
    assert_eq!(rests, alerts, "where it does not");
}
