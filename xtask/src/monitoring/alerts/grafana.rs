//! The alerts for those who have Grafana evaluate them, as a file of its provisioning. Series that rules record stay
//! Prometheus' own.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Group, Rule, groups};

/// Where they are.
pub(crate) const FILE: &str = "deploy/grafana/alerting/alerts.json";

/// Longer than any query looks at one moment: Grafana wants a range although it asks for a moment.
const RANGE_SECONDS: u32 = 600;

/// All alerts, by group. JSON, which is YAML as well.
///
/// # Errors
/// When the rules can't be read.
pub(crate) fn provisioning() -> Result<String> {
    let groups = groups()?;
    let groups: Vec<_> = groups.iter().filter_map(group).collect();
    let all = json!({"apiVersion": 1, "groups": groups});
    Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
}

fn group(group: &Group) -> Option<Value> {
    let rules: Vec<_> = group.rules.iter().filter_map(rule).collect();
    (!rules.is_empty()).then(|| {
        json!({
            "orgId": 1,
            "name": group.name,
            "folder": "RestAPI",
            "interval": "1m",
            "rules": rules,
        })
    })
}

/// An alert fires for every series that its expression yields, as in Prometheus: whatever the value.
fn rule(rule: &Rule) -> Option<Value> {
    let name = rule.alert.as_deref()?;
    let range = json!({"from": RANGE_SECONDS, "to": 0});
    Some(json!({
        "uid": name.to_lowercase(),
        "title": name,
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": range,
                "datasourceUid": "prometheus",
                "model": {"refId": "A", "expr": rule.expr.trim(), "instant": true, "range": false},
            },
            {
                "refId": "B",
                "relativeTimeRange": range,
                "datasourceUid": "__expr__",
                "model": {
                    "refId": "B",
                    "type": "math",
                    "expression": "is_number($A) || is_nan($A) || is_inf($A)",
                },
            },
        ],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule.hold.as_deref().unwrap_or("0s"),
        "labels": rule.labels,
        "annotations": annotations(rule),
    }))
}

/// Grafana's `$value` is a text; the number is `$values.A.Value`.
fn annotations(rule: &Rule) -> Value {
    let annotations = rule.annotations.iter();
    let all = annotations.map(|(name, text)| {
        let text = text.replace("{{ $value ", "{{ $values.A.Value ");
        (name.clone(), Value::String(text))
    });
    Value::Object(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_is_there_with_its_expression() {
        let made: Value = serde_json::from_str(&provisioning().unwrap()).unwrap();
        let groups_made = made["groups"].as_array().unwrap();
        let made: Vec<_> = groups_made
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap())
            .map(|rule| {
                (
                    rule["title"].clone(),
                    rule["data"][0]["model"]["expr"].clone(),
                )
            })
            .collect();
        let written: Vec<_> = groups()
            .unwrap()
            .iter()
            .flat_map(|group| &group.rules)
            .filter_map(|rule| Some((json!(rule.alert.as_ref()?), json!(rule.expr.trim()))))
            .collect();
        assert_eq!(made, written);
    }
}
