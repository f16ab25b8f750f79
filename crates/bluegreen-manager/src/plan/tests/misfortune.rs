//! What goes wrong.

use restapi_types::Environment::{Blue, Green};
use restapi_types::conditions;
use serde_json::json;

use super::cluster::{Cluster, spec};

#[test]
fn a_revision_that_never_gets_ready_is_given_up_at_the_deadline_with_its_cause() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.broken.push("app:2");
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    let told = cluster.told(conditions::ROLLOUT_PROGRESSING).unwrap();
    assert!(told.contains("image app:2 can't be pulled"), "{told}");
    cluster.settle_for(600);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    let told = cluster.told(conditions::ROLLED_BACK).unwrap();
    assert!(
        told.contains("not ready within 600 s") && told.contains("image app:2"),
        "{told}"
    );
    assert!(cluster.image("orders-view-green").is_none(), "cleaned up");
    cluster.broken.clear();
    cluster.command("retry 2 a");
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn one_that_is_reverted_is_not_held_any_more() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.broken.push("app:2");
    cluster.change(&spec("app:2"));
    cluster.settle_for(610);
    cluster.change(&spec("app:1"));
    cluster.settle();
    assert_eq!(cluster.told(conditions::ROLLED_BACK), None);
    cluster.broken.clear();
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2], "asked for again");
}

#[test]
fn a_service_that_somebody_moves_or_empties_or_deletes_is_put_back_at_once() {
    for image in ["app:1", "app:2"] {
        for selector in [
            json!({"restapi.dev/environment": "green"}),
            json!({"restapi.dev/environment": "pink"}),
            json!({"extra": "label"}),
            json!({}),
        ] {
            let mut cluster = Cluster::born(&spec("app:1"));
            cluster.settle_for(5);
            cluster.change(&spec(image));
            cluster.settle();
            cluster.tamper("Service", "orders-model", |s| {
                if selector == json!({}) {
                    s["spec"]["selector"] = json!({"a": "b"});
                }
                for (key, value) in selector.as_object().unwrap() {
                    s["spec"]["selector"][key] = value.clone();
                }
            });
            cluster.step();
            assert_eq!(
                cluster.selects(),
                [Some(Blue); 2],
                "{selector} with {image}"
            );
        }
        let mut cluster = Cluster::born(&spec("app:1"));
        cluster.settle_for(5);
        cluster.change(&spec(image));
        cluster.settle();
        cluster.world.objects.take(&manager_kit::tracker::Target {
            kind: "Service".to_owned(),
            name: "orders-view".to_owned(),
        });
        cluster.step();
        assert_eq!(cluster.selects(), [Some(Blue); 2], "deleted with {image}");
    }
}

#[test]
fn a_service_of_an_environment_that_somebody_deletes_is_made_again_wherever_it_serves() {
    for environment in ["blue", "green"] {
        let mut cluster = Cluster::born(&spec("app:1"));
        cluster.settle_for(5);
        cluster.change(&spec("app:2"));
        cluster.settle();
        let name = format!("orders-model-{environment}");
        cluster.world.objects.take(&manager_kit::tracker::Target {
            kind: "Service".to_owned(),
            name: name.clone(),
        });
        cluster.step();
        assert!(
            cluster.world.objects.get("Service", &name).is_some(),
            "{name}"
        );
        assert_eq!(cluster.selects(), [Some(Blue); 2]);
    }
}

#[test]
fn all_services_that_are_lost_while_a_revision_starts_select_what_served() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.broken.push("app:2");
    cluster.change(&spec("app:2"));
    cluster.settle();
    for name in ["orders-view", "orders-model"] {
        cluster.tamper("Service", name, |s| {
            s["spec"]["selector"] = json!({"a": "b"});
        });
    }
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
}

#[test]
fn a_deployment_that_somebody_changes_or_deletes_is_made_again() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.tamper("Deployment", "orders-view-blue", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("evil:1");
    });
    cluster.settle();
    assert_eq!(cluster.image("orders-view-blue").unwrap(), "app:1");
    cluster.world.objects.take(&manager_kit::tracker::Target {
        kind: "Deployment".to_owned(),
        name: "orders-model-blue".to_owned(),
    });
    cluster.settle();
    assert_eq!(cluster.image("orders-model-blue").unwrap(), "app:1");
    assert!(cluster.image("orders-model-green").is_none());
}

#[test]
fn what_serves_is_made_again_in_its_place_when_somebody_deletes_all_of_it() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    for goes_back in [false, true] {
        for name in ["orders-view-green", "orders-model-green"] {
            cluster.world.objects.take(&manager_kit::tracker::Target {
                kind: "Deployment".to_owned(),
                name: name.to_owned(),
            });
        }
        cluster.play();
        if goes_back {
            cluster.command("rollback 2 a");
        }
        cluster.settle_for(3);
        let serving = if goes_back { Blue } else { Green };
        assert_eq!(cluster.selects(), [Some(serving); 2]);
        assert_eq!(cluster.image("orders-view-blue").unwrap(), "app:1", "kept");
    }
}

#[test]
fn records_that_somebody_deletes_are_made_again_and_nothing_moves() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    let names: Vec<_> = cluster.world.records();
    for record in names {
        cluster.world.objects.take(&manager_kit::tracker::Target {
            kind: "ControllerRevision".to_owned(),
            name: kube::ResourceExt::name_any(record.as_ref()),
        });
    }
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert_eq!(cluster.world.records().len(), 1);
}

#[test]
fn a_clock_that_jumps_moves_nothing_by_itself() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    cluster.now = cluster
        .now
        .checked_sub(jiff::SignedDuration::from_hours(1))
        .unwrap();
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert!(cluster.image("orders-view-blue").is_some());
    cluster.now = cluster
        .now
        .checked_add(jiff::SignedDuration::from_hours(3))
        .unwrap();
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}
