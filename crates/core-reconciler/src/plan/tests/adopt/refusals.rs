//! Services that are not taken over, and what is said of them.

use rstest::rstest;

use super::*;

fn refusal(plan: &Plan) -> &str {
    let mut found = plan.obstacles.iter().filter_map(|o| match o {
        Obstacle::NotAdoptable(_, why) | Obstacle::AdoptionUnclear(why) => Some(why.as_str()),
        _ => None,
    });
    found
        .next()
        .unwrap_or_else(|| panic!("{:?}", plan.obstacles))
}

#[rstest]
#[case::type_("/spec/type", json!("LoadBalancer"), "set spec.view.service.type: LoadBalancer")]
#[case::headless("/spec/clusterIP", json!("None"), "headless")]
#[case::port("/spec/ports/0/port", json!(80), "set spec.view.service.port: 80")]
fn what_its_users_would_notice_is_refused_with_the_fix(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] part: &str,
) {
    let mut cluster = Cluster::new();
    tamper(&mut cluster.world, "Service", "orders-view", |s| {
        *s.pointer_mut(pointer).unwrap() = value.clone();
    });
    cluster.start_ours();
    for _ in 0..3 {
        let plan = cluster.plan();
        assert!(refusal(&plan).contains(part), "{}", refusal(&plan));
        let written = summary(&plan);
        assert!(!written.contains(&"apply Service orders-view".to_owned()));
        cluster.carry_out(&plan);
    }
}

#[test]
fn a_port_that_comes_after_it_was_taken_keeps_the_selector_from_moving() {
    let mut cluster = Cluster::new();
    let plan = cluster.plan();
    cluster.carry_out(&plan);
    cluster.start_ours();
    tamper(&mut cluster.world, "Service", "orders-view", |s| {
        s["spec"]["ports"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "b", "port": 81}));
    });
    for _ in 0..2 {
        let plan = cluster.plan();
        assert!(refusal(&plan).contains("81"));
        cluster.carry_out(&plan);
        assert_eq!(
            cluster.service()["spec"]["selector"],
            json!({"app": "legacy"})
        );
    }
}

#[test]
fn what_somebody_else_controls_is_never_taken() {
    let mut cluster = Cluster::new();
    tamper(&mut cluster.world, "Service", "orders-view", |s| {
        s["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "y", "controller": true}]);
    });
    let plan = cluster.plan();
    assert!(
        matches!(&plan.obstacles[..], [Obstacle::Foreign(target)] if target.name == "orders-view")
    );
}

#[test]
fn what_is_not_asked_for_is_never_taken() {
    for value in [None, Some("nothing-like-that")] {
        let mut cluster = Cluster::new();
        annotate(&mut cluster.world, keys::ADOPT, value);
        let plan = cluster.plan();
        let is_foreign = |o: &Obstacle| matches!(o, Obstacle::Foreign(_));
        assert!(plan.obstacles.iter().any(is_foreign));
        if value.is_some() {
            assert!(refusal(&plan).contains("nothing-like-that"));
        }
    }
}

#[test]
fn own_pods_that_the_old_selector_would_catch_are_not_made_where_they_would_not_answer() {
    let selector =
        json!({"app.kubernetes.io/instance": "orders", "app.kubernetes.io/component": "view"});
    for (target, is_made) in [(json!(8000), false), (json!(3000), true)] {
        let mut cluster = Cluster::new();
        tamper(&mut cluster.world, "Service", "orders-view", |s| {
            s["spec"]["selector"] = selector.clone();
            s["spec"]["ports"][0]["targetPort"] = target;
        });
        let plan = cluster.plan();
        let made = summary(&plan).contains(&"create Deployment orders-view-blue".to_owned());
        assert_eq!(made, is_made);
        if !made {
            assert!(refusal(&plan).contains("8000"), "{}", refusal(&plan));
        }
    }
}
