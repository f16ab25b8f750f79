//! Budgets, accounts, the quota, monitoring, and what becomes of data.

use serde_json::{Map, Value, json};

use super::Case;
use super::place::Place;

pub fn cases() -> Vec<Case> {
    let mut all = disruption();
    all.extend(accounts());
    all.extend(quota());
    all.extend(monitoring());
    all.extend(Place::top().flag("paused"));
    all.extend(Place::top().choice("deletionPolicy", &["Delete", "Retain"]));
    all
}

fn disruption() -> Vec<Case> {
    let mut all = Vec::new();
    for place in Place::both() {
        let budget = place.within("disruption", json!({}));
        all.extend(place.object("disruption"));
        all.extend(budget.flag("enabled"));
        all.extend(budget.choice(
            "unhealthyPodEvictionPolicy",
            &["AlwaysAllow", "IfHealthyBudget"],
        ));
        all.extend(pods_or_percent(&budget, "minAvailable"));
        all.extend(pods_or_percent(&budget, "maxUnavailable"));
        all.push(place.refuses(
            "disruption",
            json!({"minAvailable": 1, "maxUnavailable": 1}),
            &["disruption sets minAvailable and maxUnavailable: keep one of the two"],
        ));
    }
    all
}

/// A number of pods or a share of them. 0 may be refused for another reason.
pub fn pods_or_percent(place: &Place, field: &str) -> Vec<Case> {
    let mut all = place.accepts(field, [json!(1), json!(1000), json!("1%"), json!("100%")]);
    for bad in [
        json!(-1),
        json!(1001),
        json!("1"),
        json!("101%"),
        json!("-1%"),
        json!("1.5%"),
        json!("50 %"),
        json!("05%"),
        json!("%"),
        json!(""),
        json!("half"),
        json!(0.5),
        json!(true),
        json!("٥%"),
    ] {
        all.push(place.refuses(field, bad, &[&format!(".{field}")]));
    }
    all
}

fn accounts() -> Vec<Case> {
    let mut all = Vec::new();
    for place in Place::both() {
        let account = place.within("serviceAccount", json!({}));
        all.extend(place.object("serviceAccount"));
        all.extend(account.flag("automountToken"));
        all.push(account.refuses(
            "name",
            json!("admin"),
            &["unknown field", "serviceAccount.name"],
        ));
    }
    all
}

fn quota() -> Vec<Case> {
    let top = Place::top();
    let quota = top.within("resourceQuota", json!({"hard": {"pods": 1}}));
    let mut all = top.object("resourceQuota");
    all.push(top.refuses(
        "resourceQuota",
        json!({}),
        &["spec.resourceQuota.hard", "Required"],
    ));
    all.extend(quota.flag("enabled"));
    all.extend(quota.object("hard"));
    let keys = [
        "cpu",
        "requests.memory",
        "limits.ephemeral-storage",
        "pods",
        "services.nodeports",
        "count/jobs.batch",
        "requests.example.com/gpu",
        "gold.storageclass.storage.k8s.io/requests.storage",
    ];
    all.extend(quota.accepts("hard", keys.map(|key| hard(key, &json!("10")))));
    all.extend(quota.accepts(
        "hard",
        [
            hard("cpu", &json!("1500m")),
            hard("limits.memory", &json!("8Gi")),
            hard("pods", &json!(0)),
            many(32),
        ],
    ));
    all.extend(not_hard(&quota));
    all
}

fn hard(key: &str, value: &Value) -> Value {
    json!({key: value})
}

/// Limits that are none.
fn not_hard(quota: &Place) -> Vec<Case> {
    let mut all = Vec::new();
    let no_resource = "resourceQuota.hard holds a key that names no resource";
    for key in [
        "",
        "gpu",
        "Pods",
        "count/",
        "/x",
        "a b/c",
        "limits.cpu ",
        "../pods",
    ] {
        all.push(quota.refuses(
            "hard",
            hard(key, &json!(1)),
            &[no_resource, "count/jobs.batch"],
        ));
    }
    let no_quantity = "resourceQuota.hard holds a value that is no quantity of 0 or more";
    for value in [json!("many"), json!("-1"), json!(-1), json!("")] {
        all.push(quota.refuses("hard", hard("pods", &value), &[no_quantity]));
    }
    all.push(quota.refuses(
        "hard",
        hard("pods", &json!("500m")),
        &["resourceQuota.hard counts objects with a number that is not whole"],
    ));
    all.push(quota.refuses(
        "hard",
        json!({}),
        &["spec.resourceQuota.hard", "at least 1"],
    ));
    all.push(quota.refuses("hard", many(33), &["spec.resourceQuota.hard", "at most 32"]));
    all.push(quota.refuses(
        "hard",
        hard("pods", &json!("1".repeat(33))),
        &["spec.resourceQuota.hard", "32"],
    ));
    all
}

fn many(count: usize) -> Value {
    let entries = (0..count).map(|n| (format!("count/kind{n}.example.com"), json!(1)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn monitoring() -> Vec<Case> {
    let top = Place::top();
    let monitoring = top.within("monitoring", json!({}));
    let mut all = top.object("monitoring");
    all.extend(monitoring.flag("enabled"));
    all.extend(monitoring.text("path", 512, &["/metrics"], &["", "metrics", "/a b"]));
    all.extend(monitoring.number("intervalSeconds", 5, 3600));
    all
}
