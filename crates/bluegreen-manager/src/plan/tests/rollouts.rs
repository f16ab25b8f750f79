//! Rollouts in which nothing goes wrong.

use restapi_types::Environment::{Blue, Green};
use restapi_types::conditions;
use restapi_types::status::RolloutPhase;
use serde_json::json;

use super::cluster::{Cluster, spec};

fn phase(cluster: &Cluster) -> RolloutPhase {
    cluster.status().blue_green.unwrap().phase.unwrap()
}

#[test]
fn an_application_is_born_in_blue() {
    let mut cluster = Cluster::born(&spec("app:1"));
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    let first = cluster
        .written
        .iter()
        .find(|line| line.contains("Deployment"));
    assert_eq!(
        first.unwrap(),
        "create Deployment orders-model-blue",
        "the leaf first"
    );
    cluster.settle_for(5);
    assert_eq!(phase(&cluster), RolloutPhase::Settled);
    let told = cluster.status().blue_green.unwrap();
    assert_eq!((told.revision, told.serving), (Some(1), Some(1)));
}

#[test]
fn a_revision_is_started_beside_switched_to_and_the_one_before_released_edge_first() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.change(&spec("app:2"));
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Blue); 2], "not stable yet");
    assert_eq!(cluster.image("orders-view-green").unwrap(), "app:2");
    assert_eq!(phase(&cluster), RolloutPhase::Starting);
    cluster.written.clear();
    cluster.settle_for(4);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    let moved: Vec<_> = cluster
        .written
        .iter()
        .filter(|line| line.contains("Service"))
        .collect();
    assert_eq!(
        moved,
        ["apply Service orders-model", "apply Service orders-view"],
        "leaf first"
    );
    assert_eq!(phase(&cluster), RolloutPhase::Retaining);
    let told = cluster.status().blue_green.unwrap();
    assert_eq!((told.serving, told.rollback_to), (Some(2), Some(1)));
    assert!(told.retained_until.is_some());
    assert_eq!(cluster.image("orders-view-blue").unwrap(), "app:1", "kept");
    cluster.written.clear();
    cluster.pass(600);
    cluster.settle();
    let gone: Vec<_> = cluster
        .written
        .iter()
        .filter(|line| line.contains("delete Deployment"))
        .collect();
    assert_eq!(
        gone,
        [
            "delete Deployment orders-view-blue",
            "delete Deployment orders-model-blue"
        ]
    );
    assert_eq!(phase(&cluster), RolloutPhase::Settled);
}

#[test]
fn what_serves_keeps_its_size_and_what_follows_has_it_whatever_the_spec_says() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.tamper("Deployment", "orders-view-blue", |d| {
        d["spec"]["replicas"] = json!(7);
        d["metadata"]["annotations"]["restapi.dev/replicas-held"] = json!("true");
    });
    cluster.play();
    cluster.change(&spec("app:2"));
    let autoscaled = manager_kit::tracker::Target {
        kind: "Deployment".to_owned(),
        name: "orders-view-blue".to_owned(),
    };
    cluster.world.autoscaled.insert(autoscaled);
    cluster.settle();
    assert_eq!(cluster.replicas("orders-view-green"), 7);
    assert_eq!(cluster.replicas("orders-model-green"), 2);
    cluster.tamper("Deployment", "orders-view-blue", |d| {
        d["spec"]["replicas"] = json!(9);
    });
    cluster.play();
    cluster.settle_for(5);
    assert_eq!(
        cluster.replicas("orders-view-green"),
        9,
        "it follows what the autoscaler does"
    );
    assert_eq!(cluster.replicas("orders-view-blue"), 9);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    cluster.settle_for(5);
    assert_eq!(
        cluster.replicas("orders-view-green"),
        9,
        "nobody knows better"
    );
}

#[test]
fn autoscalers_of_both_environments_are_let_and_what_follows_waits_until_it_is_large_enough() {
    let mut cluster = Cluster::born(&spec("app:1"));
    for environment in ["blue", "green"] {
        cluster
            .world
            .autoscaled
            .insert(manager_kit::tracker::Target {
                kind: "Deployment".to_owned(),
                name: format!("orders-view-{environment}"),
            });
    }
    cluster.settle_for(5);
    let scale = |cluster: &mut Cluster, environment: &str, replicas: i64| {
        let name = format!("orders-view-{environment}");
        cluster.tamper("Deployment", &name, |d| {
            d["spec"]["replicas"] = json!(replicas);
        });
        cluster.play();
    };
    scale(&mut cluster, "blue", 7);
    cluster.change(&spec("app:2"));
    cluster.settle();
    scale(&mut cluster, "green", 3);
    cluster.settle_for(10);
    let plan = cluster.plan();
    assert!(plan.is_settled() && plan.drift.is_empty(), "{plan:?}");
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    let message = cluster.status().blue_green.unwrap().message.unwrap();
    assert!(
        message.contains("view has 3 pods in green and 7 in blue: where an autoscaler"),
        "{message}"
    );
    scale(&mut cluster, "green", 7);
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn by_hand_it_waits_to_be_promoted() {
    let mut manual = spec("app:1");
    manual["blueGreen"] = json!({"stableSeconds": 0, "promotion": {"mode": "Manual"}});
    let mut cluster = Cluster::born(&manual);
    assert_eq!(cluster.selects(), [Some(Blue); 2], "the first needs nobody");
    manual["image"] = json!("app:2");
    cluster.change(&manual);
    cluster.settle_for(700);
    assert_eq!(
        cluster.selects(),
        [Some(Blue); 2],
        "however long that takes"
    );
    let told = cluster.told(conditions::AWAITING_PROMOTION).unwrap();
    assert!(told.contains("`promote 2`"), "{told}");
    assert!(cluster.told(conditions::PREVIEW_READY).is_some());
    cluster.command("promote 2 a");
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn nobody_is_waited_for_longer_than_is_said() {
    let mut manual = spec("app:1");
    let promotion = json!({"mode": "Manual", "approvalTimeoutSeconds": 120});
    manual["blueGreen"] = json!({"stableSeconds": 0, "promotion": promotion});
    let mut cluster = Cluster::born(&manual);
    manual["image"] = json!("app:2");
    cluster.change(&manual);
    cluster.settle_for(125);
    let told = cluster.told(conditions::ROLLED_BACK).unwrap();
    assert!(told.contains("nobody promoted it within 120 s"), "{told}");
    assert!(cluster.image("orders-view-green").is_none(), "cleaned up");
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
}

#[test]
fn a_delay_is_waited_for() {
    let mut delayed = spec("app:1");
    delayed["blueGreen"] = json!({"stableSeconds": 0, "promotion": {"delaySeconds": 60}});
    let mut cluster = Cluster::born(&delayed);
    delayed["image"] = json!("app:2");
    cluster.change(&delayed);
    cluster.settle_for(59);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    cluster.settle_for(2);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
}

#[test]
fn a_third_revision_takes_the_environment_that_is_kept_once_it_is_drained() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    cluster.change(&spec("app:3"));
    cluster.settle_for(10);
    assert_eq!(
        cluster.image("orders-view-blue").unwrap(),
        "app:1",
        "it still answers"
    );
    cluster.settle_for(40);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert_eq!(cluster.image("orders-view-blue").unwrap(), "app:3");
    let told = cluster.status().blue_green.unwrap();
    assert_eq!((told.serving, told.rollback_to), (Some(3), Some(2)));
}

#[test]
fn a_revision_that_waits_for_room_is_on_its_way_and_says_so() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    cluster.change(&spec("app:3"));
    cluster.settle();
    assert_eq!(phase(&cluster), RolloutPhase::Starting);
    let told = cluster.told(conditions::ROLLOUT_PROGRESSING).unwrap();
    assert!(
        told.contains("revision 3 waits for blue, which still answers"),
        "{told}"
    );
    let mut patient = spec("app:3");
    patient["blueGreen"]["retention"] = json!({"onNewRevision": "Wait"});
    cluster.change(&patient);
    cluster.settle_for(60);
    let told = cluster.told(conditions::ROLLOUT_PROGRESSING).unwrap();
    assert!(told.contains("onNewRevision is Wait"), "{told}");
}

#[test]
fn what_is_born_is_on_its_way_until_its_pods_are_ready_and_what_is_kept_stays_while_they_are_not() {
    let mut cluster = Cluster::empty(&spec("app:1"));
    cluster.broken.push("app:1");
    cluster.settle();
    assert_eq!(phase(&cluster), RolloutPhase::Starting);
    let told = cluster.told(conditions::ROLLOUT_PROGRESSING).unwrap();
    assert!(told.contains("image app:1 can't be pulled"), "{told}");
    cluster.broken.clear();
    cluster.play();
    cluster.settle();
    assert_eq!(phase(&cluster), RolloutPhase::Settled);
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    cluster.broken.push("app:2");
    cluster.play();
    cluster.settle_for(700);
    assert_eq!(cluster.image("orders-view-blue").unwrap(), "app:1");
    let message = cluster.status().blue_green.unwrap().message.unwrap();
    assert!(
        message.contains("`rollback 2` goes back to revision 1"),
        "{message}"
    );
}

#[test]
fn one_that_is_superseded_while_it_starts_makes_room_at_once() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.change(&spec("app:2"));
    cluster.settle();
    cluster.change(&spec("app:3"));
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert_eq!(cluster.image("orders-view-green").unwrap(), "app:3");
}

#[test]
fn a_component_comes_and_goes_with_its_revision() {
    let mut more = spec("app:2");
    more["controller"] = json!({});
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.change(&more);
    cluster.settle();
    assert!(
        cluster
            .world
            .objects
            .get("Service", "orders-controller")
            .is_none(),
        "with the switch"
    );
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert!(
        cluster
            .world
            .objects
            .get("Service", "orders-controller")
            .is_some()
    );
    cluster.settle_for(620);
    cluster.change(&spec("app:3"));
    cluster.settle_for(5);
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert!(
        cluster
            .world
            .objects
            .get("Service", "orders-controller")
            .is_none()
    );
    assert!(
        cluster.image("orders-controller-green").is_some(),
        "kept for going back"
    );
    cluster.command("rollback 3 b");
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Green); 2]);
    assert!(
        cluster
            .world
            .objects
            .get("Service", "orders-controller")
            .is_some()
    );
}

#[test]
fn what_applies_in_place_starts_no_rollout() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    let mut scaled = spec("app:1");
    scaled["replicas"] = json!(5);
    scaled["view"] = json!({"service": {"type": "NodePort"}});
    cluster.change(&scaled);
    cluster.settle();
    assert_eq!(cluster.replicas("orders-view-blue"), 5);
    let service = cluster.world.objects.get("Service", "orders-view").unwrap();
    assert_eq!(service.data["spec"]["type"], "NodePort");
    assert!(cluster.image("orders-view-green").is_none());
}

#[test]
fn coming_back_to_what_is_kept_is_one_switch() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.change(&spec("app:2"));
    cluster.settle_for(5);
    cluster.written.clear();
    cluster.change(&spec("app:1"));
    cluster.settle();
    assert_eq!(cluster.selects(), [Some(Blue); 2]);
    assert!(
        cluster
            .written
            .iter()
            .all(|line| !line.contains("Deployment")),
        "{:?}",
        cluster.written
    );
    let told = cluster.status().blue_green.unwrap();
    assert_eq!(told.serving, Some(3), "its record has a new number");
}

#[test]
fn workers_alone_are_replaced_in_place() {
    let worker = |image: &str| json!({"image": image, "blueGreen": {}, "additionalComponents": [{"name": "worker", "template": {}}]});
    let mut cluster = Cluster::born(&worker("app:1"));
    cluster.change(&worker("app:2"));
    cluster.settle();
    assert_eq!(cluster.image("orders-worker-blue").unwrap(), "app:2");
    assert!(cluster.image("orders-worker-green").is_none());
}

#[test]
fn a_settled_application_is_not_written_however_much_time_passes() {
    let mut cluster = Cluster::born(&spec("app:1"));
    cluster.settle_for(5);
    cluster.written.clear();
    cluster.pass(100_000);
    cluster.settle();
    assert!(cluster.written.is_empty(), "{:?}", cluster.written);
}
