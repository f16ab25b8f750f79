//! Taking over a Service `orders-view` that served before, step by step.

mod cluster;
mod crashes;
mod refusals;

use cluster::{Cluster, LEGACY, OURS};

use super::*;

/// What the Service is told, what stands in the way, and what serves, of each step until nothing is left to do.
fn told(cluster: &mut Cluster) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..20 {
        let plan = cluster.plan();
        let service = summary(&plan)
            .into_iter()
            .filter(|w| w.ends_with("orders-view") || w.ends_with(LEGACY));
        let obstacles = plan.obstacles.iter().map(|o| match o {
            Obstacle::Adopting(_, why, _) => why.chars().skip_while(|c| *c != ',').collect(),
            other => format!("{other:?}"),
        });
        let line: Vec<_> = service.chain(obstacles).collect();
        if line.is_empty() && plan.waves.is_empty() {
            return told;
        }
        if !line.is_empty() {
            told.push(line.join(" "));
        }
        cluster.carry_out(&plan);
    }
    panic!("never settled: {told:#?}")
}

#[test]
fn it_serves_as_it_did_until_the_own_pods_do() {
    let mut cluster = Cluster::new();
    let plan = cluster.plan();
    let before = cluster.service();
    cluster.carry_out(&plan);
    let taken = cluster.service();
    assert_eq!(taken["spec"], before["spec"]);
    assert_eq!(taken["metadata"]["ownerReferences"][0]["uid"], "owner-uid");
    // And it stays so, with no further write.
    let plan = cluster.plan();
    assert_eq!(summary(&plan), Vec::<String>::new());
    assert!(
        matches!(&plan.obstacles[..], [Obstacle::Adopting(_, why, false)] if why.contains("available")),
        "{:?}",
        plan.obstacles
    );
}

#[test]
fn the_selector_moves_with_the_ports_and_these_keep_their_names() {
    let mut cluster = Cluster::new();
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    cluster.start_ours();
    let plan = cluster.plan();
    assert_eq!(summary(&plan), ["apply Service orders-view"]);
    cluster.carry_out(&plan);
    let spec = &cluster.service()["spec"];
    assert_eq!(spec["selector"][keys::ENVIRONMENT], "blue");
    assert_eq!(spec["ports"][0]["name"], "http");
    assert_eq!(spec["ports"][0]["targetPort"], "main");
    assert_eq!(spec["clusterIP"], "10.0.0.7");
}

#[test]
fn every_step_from_the_first_to_the_last() {
    let mut cluster = Cluster::new();
    let first = cluster.plan();
    cluster.carry_out(&first);
    cluster.start_ours();
    let steps = told(&mut cluster);
    let (last, others) = steps.split_last().unwrap();
    assert!(
        last.contains(&format!("apply Deployment {LEGACY}")),
        "{steps:#?}"
    );
    assert_eq!(others[0], "apply Service orders-view", "moved");
    assert_eq!(cluster.legacy["spec"]["replicas"], json!(0));
    assert_eq!(
        cluster.legacy["metadata"]["annotations"][keys::REPLACED],
        "orders-view"
    );
    assert_eq!(cluster.behind("orders-view"), [OURS]);
    let notices = cluster.notices();
    assert_eq!(
        notices,
        [format!(
            "Deployment {LEGACY} was replaced and scaled to 0: delete it"
        )]
    );
}

#[test]
fn what_is_scaled_up_again_is_not_fought() {
    let mut cluster = Cluster::done();
    cluster.legacy["spec"]["replicas"] = json!(3);
    assert!(cluster.plan().is_settled());
    assert!(cluster.notices()[0].contains("runs again"));
}

#[test]
fn a_selector_that_is_put_back_afterwards_is_drift() {
    let mut cluster = Cluster::done();
    tamper(&mut cluster.world, "Service", "orders-view", |s| {
        s["spec"]["selector"] = json!({"app": "legacy"});
    });
    let plan = cluster.plan();
    assert_eq!(summary(&plan), ["apply Service orders-view"]);
    assert_eq!(plan.drift.len(), 1);
    cluster.carry_out(&plan);
    assert_eq!(cluster.behind("orders-view"), [OURS]);
    assert!(cluster.plan().is_settled());
}

#[test]
fn removing_the_annotation_half_way_changes_nothing_and_at_the_end_only_names_of_ports_remain() {
    let mut cluster = Cluster::new();
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    annotate(&mut cluster.world, keys::ADOPT, None);
    cluster.start_ours();
    told(&mut cluster);
    assert_eq!(cluster.legacy["spec"]["replicas"], json!(0));
    let service = cluster.service();
    assert_eq!(
        service["metadata"]["annotations"][keys::ADOPTED],
        r#"{"ports":{"3000/TCP":"http"}}"#
    );
    assert!(cluster.world.adoption.is_none(), "nothing is read any more");
    assert!(cluster.plan().is_settled());
}

#[test]
fn what_another_service_selects_is_left_running() {
    let mut cluster = Cluster::new();
    cluster.others.push(json!({
        "metadata": {"name": "metrics", "namespace": "shop"}, "spec": {"selector": {"app": "legacy"}},
    }));
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    cluster.start_ours();
    told(&mut cluster);
    assert_eq!(cluster.legacy["spec"]["replicas"], json!(2));
    assert!(cluster.notices()[0].contains("the Service metrics selects its pods too"));
    // Once that is gone, nothing keeps it.
    cluster.others.clear();
    told(&mut cluster);
    assert_eq!(cluster.legacy["spec"]["replicas"], json!(0));
}

#[test]
fn what_something_else_makes_is_left_to_that() {
    let mut cluster = Cluster::new();
    cluster.legacy["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Shop", "name": "main", "uid": "x", "controller": true}]);
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    cluster.start_ours();
    told(&mut cluster);
    assert_eq!(cluster.legacy["spec"]["replicas"], json!(2));
    assert!(cluster.notices()[0].contains("Shop main"));
}

#[test]
fn a_service_that_serves_nothing_is_simply_taken_over() {
    for selector in [json!({"app": "nobody"}), Value::Null] {
        let mut cluster = Cluster::new();
        tamper(&mut cluster.world, "Service", "orders-view", |s| {
            s["spec"]["selector"] = selector.clone();
        });
        let steps = told(&mut cluster);
        assert!(!steps.is_empty());
        let spec = &cluster.service()["spec"];
        assert_eq!(spec["selector"][keys::ENVIRONMENT], "blue");
        assert_eq!(cluster.legacy["spec"]["replicas"], json!(2));
    }
}

#[test]
fn slices_that_somebody_made_by_hand_are_named() {
    let mut cluster = Cluster::new();
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    cluster.start_ours();
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    cluster.handmade.push("192.0.2.1".to_owned());
    cluster.pass(60);
    let plan = cluster.plan();
    assert!(
        matches!(&plan.obstacles[..], [Obstacle::Adopting(_, why, true)] if why.contains("192.0.2.1")),
        "{:?}",
        plan.obstacles
    );
    assert_eq!(plan.replaces.len(), 0);
}

#[test]
fn nothing_happens_while_paused() {
    let mut cluster = Cluster::new();
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    cluster.start_ours();
    let mut paused = (*cluster.world.restapi).clone();
    paused.spec.paused = Some(true);
    cluster.world.restapi = Arc::new(paused);
    let plan = cluster.plan();
    assert!(plan.is_paused);
    assert_eq!(summary(&plan), Vec::<String>::new());
}
