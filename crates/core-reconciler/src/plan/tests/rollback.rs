//! Going back to an earlier revision.

use restapi_types::keys::ROLLBACK;

use super::*;

fn image(world: &World) -> Value {
    let deployment = world.objects.get("Deployment", "orders-view-blue").unwrap();
    deployment.data["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

fn settle(world: &mut World) -> Plan {
    for _ in 0..5 {
        let plan = plan_of(world);
        if plan.waves.is_empty() {
            return plan;
        }
        carry_out(world, &plan);
    }
    panic!("it does not settle: {:?}", summary(&plan_of(world)))
}

/// A world that went from `app:1` to `app:2`.
fn two_revisions() -> World {
    let mut world = settled(&json!({"image": "app:1", "view": {}}));
    change(&mut world, &json!({"image": "app:2", "view": {}}));
    settle(&mut world);
    assert_eq!(image(&world), json!("app:2"));
    world
}

#[test]
fn an_order_goes_back_and_holds_the_revision_of_the_spec() {
    let mut world = two_revisions();
    annotate(&mut world, ROLLBACK, Some("1"));
    let plan = settle(&mut world);
    assert_eq!(image(&world), json!("app:1"));
    assert!(matches!(plan.rollback, Rollback::Held { serving: 1, .. }));
    assert_eq!(plan.revision_number, 2);
    annotate(&mut world, ROLLBACK, None);
    settle(&mut world);
    assert_eq!(
        image(&world),
        json!("app:2"),
        "without the order the spec counts"
    );
}

#[test]
fn what_applies_in_place_is_the_spec_s_in_a_held_revision_too() {
    let mut world = two_revisions();
    annotate(&mut world, ROLLBACK, Some("1"));
    settle(&mut world);
    change(
        &mut world,
        &json!({"image": "app:2", "replicas": 4, "view": {}}),
    );
    settle(&mut world);
    assert_eq!(image(&world), json!("app:1"));
    let deployment = world.objects.get("Deployment", "orders-view-blue").unwrap();
    assert_eq!(deployment.data["spec"]["replicas"], json!(4));
}

#[test]
fn an_order_is_over_when_the_spec_asks_for_yet_another_revision() {
    let mut world = two_revisions();
    annotate(&mut world, ROLLBACK, Some("1"));
    settle(&mut world);
    change(&mut world, &json!({"image": "app:3", "view": {}}));
    let plan = settle(&mut world);
    assert_eq!(image(&world), json!("app:3"));
    assert!(matches!(plan.rollback, Rollback::Void(why) if why.contains("was for revision 2")));
}

#[test]
fn an_order_that_can_t_be_carried_out_changes_nothing() {
    for (order, why) in [
        ("9", "there is no revision 9"),
        ("one", "no revision's number"),
        ("2", "what the spec asks for"),
    ] {
        let mut world = two_revisions();
        annotate(&mut world, ROLLBACK, Some(order));
        let plan = plan_of(&world);
        assert_eq!(summary(&plan), Vec::<String>::new());
        assert!(
            matches!(&plan.rollback, Rollback::Void(said) if said.contains(why)),
            "{:?}",
            plan.rollback
        );
    }
}

#[test]
fn a_paused_application_goes_back_all_the_same() {
    let mut world = two_revisions();
    change(
        &mut world,
        &json!({"image": "app:2", "view": {}, "paused": true}),
    );
    tamper(&mut world, "Deployment", "orders-view-blue", |d| {
        d["spec"]["replicas"] = json!(9);
    });
    let plan = plan_of(&world);
    assert!(plan.waves.is_empty() && plan.is_paused);
    annotate(&mut world, ROLLBACK, Some("1"));
    let plan = plan_of(&world);
    carry_out(&mut world, &plan);
    assert_eq!(image(&world), json!("app:1"));
}
