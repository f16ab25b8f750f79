use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

const T: &str = "2026-01-01T00:00:00Z";

fn object<K: DeserializeOwned>(value: &Value) -> Arc<K> {
    Arc::new(serde_json::from_value(value.clone()).unwrap())
}

fn labels(component: &str, environment: &str) -> Value {
    json!({keys::INSTANCE: "orders", keys::COMPONENT: component, keys::ENVIRONMENT: environment})
}

fn record(number: i64, hash: &str, annotations: &Value) -> Value {
    json!({
        "metadata": {"name": format!("orders-{hash}"), "creationTimestamp": T, "annotations": annotations},
        "revision": number,
    })
}

fn workload(component: &str, environment: &str, ready: i32, attempt: Option<&str>) -> Value {
    json!({
        "metadata": {
            "name": format!("orders-{component}-{environment}"), "labels": labels(component, environment),
            "annotations": attempt.map(|attempt| json!({keys::ATTEMPT: attempt})),
        },
        "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [
            {"name": "istio", "image": "proxy:1"}, {"name": component, "image": "app:1"},
        ]}}},
        "status": {"readyReplicas": ready},
    })
}

fn pod(component: &str, environment: &str, reason: Option<&str>) -> Value {
    let state = match reason {
        Some(reason) => json!({"waiting": {"reason": reason}}),
        None => json!({"running": {}}),
    };
    json!({
        "metadata": {
            "name": format!("orders-{component}-{environment}-x"), "labels": labels(component, environment),
            "creationTimestamp": T,
        },
        "spec": {"containers": [{"name": component}]},
        "status": {"phase": "Running", "containerStatuses": [
            {"name": component, "image": "", "imageID": "", "ready": reason.is_none(), "restartCount": 0, "state": state},
        ]},
    })
}

fn objects(restapi: &Value, records: &[Value], workloads: &[Value], pods: &[Value]) -> Objects {
    Objects {
        restapi: object(restapi),
        records: records.iter().map(object).collect(),
        deployments: workloads.iter().map(object).collect(),
        stateful_sets: Vec::new(),
        pods: pods.iter().map(object).collect(),
    }
}

/// Revision 2 is started in green, beside 1 that serves; 3 was given up before.
pub fn starting() -> Objects {
    let restapi = json!({
        "metadata": {"name": "orders", "namespace": "shop", "generation": 4, "creationTimestamp": T},
        "spec": {"image": "app:1", "view": {}, "model": {}, "blueGreen": {}},
        "status": {
            "phase": "Progressing", "activeEnvironment": "blue",
            "conditions": [{
                "type": "Ready", "status": "False", "reason": "Starting",
                "message": "revision 4 is started in green", "lastTransitionTime": T,
            }],
            "blueGreen": {
                "version": "0.1.0", "observedGeneration": 4, "phase": "Starting",
                "message": "revision 4 is started in green: 1 of 2 components are available",
                "revision": 4, "serving": 1, "environments": [
                    {"name": "blue", "revision": 1, "attempt": 1, "ready": "2/2"},
                    {"name": "green", "revision": 4, "attempt": 3, "ready": "1/2"},
                ],
                "command": {"id": "a-b", "done": false, "reason": "revision 4 is not ready yet"},
            },
        },
    });
    let held = json!({keys::ABORTED: "1 3 aborted by command"});
    let records = [
        record(1, "aaa", &json!({})),
        record(3, "bbb", &held),
        record(4, "ccc", &json!({})),
    ];
    let workloads = [
        workload("view", "blue", 1, Some("1/aaa")),
        workload("model", "blue", 1, Some("1/aaa")),
        workload("view", "green", 0, Some("3/ccc")),
        workload("model", "green", 1, Some("3/ccc")),
    ];
    let pods = [
        pod("view", "blue", None),
        pod("model", "blue", None),
        pod("view", "green", Some("ImagePullBackOff")),
        pod("model", "green", None),
    ];
    objects(&restapi, &records, &workloads, &pods)
}

/// Blue/green is off, and revision 2 is held back.
pub fn in_place() -> Objects {
    let restapi = json!({
        "metadata": {
            "name": "orders", "namespace": "shop", "generation": 2, "annotations": {keys::ROLLBACK: "1"},
        },
        "spec": {"image": "app:1", "view": {}},
        "status": {
            "phase": "Degraded", "activeEnvironment": "blue",
            "core": {"version": "0.1.0", "revision": "bbb", "revisionNumber": 2},
        },
    });
    let held = json!({keys::HELD: "1"});
    let records = [record(1, "aaa", &json!({})), record(2, "bbb", &held)];
    let workloads = [workload("view", "blue", 1, None)];
    objects(&restapi, &records, &workloads, &[pod("view", "blue", None)])
}

fn outline(objects: &Objects) -> Vec<(Option<i64>, Vec<Environment>)> {
    let tree = tree(objects);
    let all = tree.revisions.into_iter();
    all.map(|revision| {
        let places = revision.environments.into_iter().map(|place| place.name);
        (revision.number, places.collect())
    })
    .collect()
}

#[test]
fn revisions_are_where_their_workloads_say() {
    let expected = [
        (Some(4), vec![Environment::Green]),
        (Some(3), vec![]),
        (Some(1), vec![Environment::Blue]),
    ];
    assert_eq!(outline(&starting()), expected);
    let expected = [(Some(2), vec![]), (Some(1), vec![Environment::Blue])];
    assert_eq!(outline(&in_place()), expected);
}

#[test]
fn what_runs_without_a_record_is_shown_all_the_same() {
    let mut objects = starting();
    objects
        .records
        .retain(|record| record.name_any() != "orders-aaa");
    let last = outline(&objects).pop();
    assert_eq!(last, Some((None, vec![Environment::Blue])));
}

#[test]
fn what_others_call_first_stands_first_and_shows_its_own_image() {
    let tree = tree(&starting());
    let place = &tree.revisions[0].environments[0];
    assert_eq!(place.attempt, Some(3));
    let names: Vec<_> = place
        .components
        .iter()
        .map(|component| (component.name.as_str(), component.image.as_deref()))
        .collect();
    assert_eq!(names, [("model", Some("app:1")), ("view", Some("app:1"))]);
}

#[test]
fn pods_whose_workload_is_gone_are_shown() {
    let mut objects = in_place();
    objects.deployments.clear();
    let tree = tree(&objects);
    let component = &tree.revisions[1].environments[0].components[0];
    assert_eq!(
        (component.wanted, component.ready, component.pods.len()),
        (0, 0, 1)
    );
}

#[test]
fn programs_read_numbers_times_and_words() {
    let value = serde_json::to_value(tree(&starting())).unwrap();
    let at = |path: &str| value.pointer(path).cloned().unwrap_or_default();
    assert_eq!(at("/apiVersion"), "cli.restapi.dev/v1");
    assert_eq!(at("/name"), "orders");
    assert_eq!(at("/rollout/phase"), "Starting");
    assert_eq!(
        at("/revisions/0/marks/0"),
        json!({"mark": "starting", "environment": "green"})
    );
    assert_eq!(
        at("/revisions/0/environments/0/components/1/pods/0/status"),
        "ImagePullBackOff"
    );
    assert_eq!(at("/revisions/2/created"), T);
}
