//! Taking the workloads over from core-reconciler, and what is left when they go back.

use restapi_types::Environment::{Blue, Green};
use restapi_types::keys;
use serde_json::{Value, json};
use workloads::fixtures::summary;

use super::cluster::{Cluster, spec};

fn templates(cluster: &Cluster) -> Vec<Value> {
    let all = cluster.world.objects.of("Deployment");
    all.map(|d| json!([d.data["spec"]["template"], d.data["spec"]["replicas"]]))
        .collect()
}

#[test]
fn taking_over_notes_it_on_every_service_first_and_changes_no_template_and_no_number() {
    let mut cluster = Cluster::of_core(&spec("app:1"));
    let before = templates(&cluster);
    let plan = cluster.plan();
    assert_eq!(
        summary(&plan),
        ["mark Service orders-model", "mark Service orders-view"]
    );
    cluster.settle_for(5);
    assert_eq!(templates(&cluster), before);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    let model = cluster
        .world
        .objects
        .get("Deployment", "orders-model-blue")
        .unwrap();
    let mark = &model.metadata.annotations.as_ref().unwrap()[keys::ATTEMPT];
    assert!(mark.starts_with("1/"), "{mark}");
    let service = cluster.world.objects.get("Service", "orders-view").unwrap();
    let writer = &service.metadata.annotations.as_ref().unwrap()[keys::WRITER];
    assert_eq!(writer, keys::BLUEGREEN_MANAGER);
}

#[test]
fn what_runs_is_known_although_the_spec_asks_for_another_revision_by_then() {
    let mut cluster = Cluster::of_core(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle();
    assert_eq!(
        cluster.image("orders-view-blue").unwrap(),
        "app:1",
        "it serves"
    );
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert_eq!(cluster.status().blue_green.unwrap().rollback_to, Some(1));
}

#[test]
fn a_variable_that_is_gone_from_the_spec_is_another_revision() {
    let mut with = spec("app:1");
    with["envVars"] = json!({"A": "1"});
    let mut cluster = Cluster::of_core(&with);
    cluster.change(&spec("app:1"));
    cluster.settle();
    assert!(
        cluster.image("orders-view-green").is_some(),
        "not the same although nothing is added"
    );
}

#[test]
fn what_was_being_replaced_in_place_is_gone_on_with() {
    let mut cluster = Cluster::of_core(&spec("app:1"));
    cluster.tamper("Deployment", "orders-view-blue", |d| {
        d["metadata"]["labels"][keys::TEMPLATE] = json!("0123456789abcdef");
    });
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert_eq!(cluster.image("orders-view-blue").unwrap(), "app:2");
    assert_eq!(cluster.image("orders-model-blue").unwrap(), "app:2");
}

#[test]
fn who_sees_an_older_spec_takes_nothing_back() {
    let mut cluster = Cluster::of_core(&spec("app:1"));
    for service in ["orders-view", "orders-model"] {
        cluster.tamper("Service", service, |s| {
            s["metadata"]["labels"][keys::GENERATION] = json!("7");
        });
    }
    assert!(cluster.plan().waves.is_empty());
}

#[test]
fn a_manager_that_dies_after_any_write_is_gone_on_from() {
    let mut whole = Cluster::of_core(&spec("app:1"));
    whole.change(&spec("app:2"));
    whole.written.clear();
    whole.settle_for(10);
    for died_after in 0..whole.written.len() {
        let mut cluster = Cluster::of_core(&spec("app:1"));
        cluster.change(&spec("app:2"));
        let mut left = died_after;
        for _ in 0..60 {
            let plan = cluster.plan();
            let count = left.min(summary(&plan).len());
            cluster.carry_out(&plan, count);
            cluster.play();
            left -= count;
            if left == 0 {
                break;
            }
            cluster.pass(1);
        }
        cluster.settle_for(10);
        assert_eq!(
            cluster.selects(),
            [Some(Green); 2],
            "after {died_after} writes"
        );
        assert_eq!(cluster.image("orders-view-blue").unwrap(), "app:1");
    }
}
