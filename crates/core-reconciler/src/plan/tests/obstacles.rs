//! What is not written, and why.

use rstest::rstest;

use super::*;

#[test]
fn what_is_not_ours_is_neither_written_nor_deleted() {
    let mut world = settled(&spec());
    for (kind, name) in [
        ("Service", "orders-view"),
        ("Deployment", "orders-model-blue"),
    ] {
        tamper(&mut world, kind, name, |o| {
            o["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "y", "controller": true}]);
            o["spec"]["replicas"] = json!(7);
        });
    }
    let target = |kind: &str, name: &str| Target {
        kind: kind.into(),
        name: name.into(),
    };
    let plan = plan_of(&world);
    assert_eq!(summary(&plan), Vec::<String>::new());
    assert_eq!(
        plan.obstacles,
        [
            Obstacle::Foreign(target("Deployment", "orders-model-blue")),
            Obstacle::Foreign(target("Service", "orders-view")),
        ]
    );
    change(&mut world, &json!({"image": "app:1", "repository": {}}));
    let deleted: Vec<_> = summary(&plan_of(&world))
        .into_iter()
        .filter(|w| w.starts_with("delete"))
        .collect();
    assert_eq!(
        deleted,
        [
            "delete Deployment orders-view-blue",
            "delete NetworkPolicy orders-model",
            "delete NetworkPolicy orders-view",
            "delete Service orders-model"
        ]
    );
}

#[rstest]
#[case::predecessor("/metadata/ownerReferences/0/uid", json!("older"), |t| Obstacle::Predecessor(t))]
#[case::terminating("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"), |t| Obstacle::Terminating(t))]
#[case::newer("/metadata/labels/restapi.dev~1generation", json!("9"), |t| Obstacle::Newer(t))]
#[case::render_version("/metadata/annotations/restapi.dev~1render-version", json!("9"), |t| Obstacle::UnknownRenderVersion(t, "9".into()))]
fn an_obstacle_keeps_its_object_from_being_written(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] obstacle: fn(Target) -> Obstacle,
) {
    let mut world = settled(&spec());
    tamper(&mut world, "Deployment", "orders-view-blue", |d| {
        d["spec"]["replicas"] = json!(9);
        if let Some(field) = d.pointer_mut(pointer) {
            *field = value;
        } else {
            d["metadata"]["deletionTimestamp"] = value;
        }
    });
    let plan = plan_of(&world);
    let target = Target {
        kind: "Deployment".into(),
        name: "orders-view-blue".into(),
    };
    assert_eq!(plan.obstacles, [obstacle(target)]);
    assert_eq!(summary(&plan), Vec::<String>::new());
}

#[test]
fn a_service_is_not_moved_to_a_sealed_environment_but_stays_as_it_is() {
    let mut world = settled(&spec());
    let sealed = json!("blue=3,green=0");
    tamper(&mut world, "Service", "orders-view", |s| {
        s["metadata"]["annotations"][keys::SEALED] = sealed;
        s["spec"]["selector"]["restapi.dev/environment"] = json!("green");
    });
    for (attempt, is_sealed) in [("3/abc", true), ("4/abc", false)] {
        for deployment in ["orders-view-blue", "orders-model-blue"] {
            tamper(&mut world, "Deployment", deployment, |d| {
                d["metadata"]["annotations"][keys::ATTEMPT] = json!(attempt);
            });
        }
        let plan = plan_of(&world);
        let obstacle = matches!(&plan.obstacles[..], [Obstacle::Sealed(_, environment)] if environment == "blue");
        assert_eq!(obstacle, is_sealed, "{:?}", plan.obstacles);
    }
}
