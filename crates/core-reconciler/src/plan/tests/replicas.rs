//! Who decides how many pods a workload has.

use super::*;

fn deployment() -> Target {
    Target {
        kind: "Deployment".into(),
        name: "orders-view-blue".into(),
    }
}

/// A settled world in which an autoscaler has appeared and scaled to 7.
fn autoscaled(spec: &Value) -> World {
    let mut world = settled(spec);
    tamper(&mut world, "Deployment", "orders-view-blue", |d| {
        d["spec"]["replicas"] = json!(7);
    });
    world.autoscaled.insert(deployment());
    world
}

fn replicas(world: &World) -> Value {
    world
        .objects
        .get("Deployment", "orders-view-blue")
        .unwrap()
        .data["spec"]["replicas"]
        .clone()
}

/// The bodies of the writes to the Deployment, with the role of each.
fn writes(plan: &Plan) -> Vec<(Role, Value)> {
    let steps = plan.waves.iter().flatten();
    let to_it = steps.filter(|step| step.write.target() == deployment());
    to_it
        .map(|step| match &step.write {
            Write::Apply(draft, ..) => (step.role, draft.body.clone()),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_live_number_is_taken_over_before_ours_leaves_it_out() {
    let mut world = autoscaled(&json!({"image": "app:1", "replicas": 2, "view": {}}));
    let plan = plan_of(&world);
    let first = writes(&plan);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].0, Role::Replicas);
    assert_eq!(
        first[0].1["spec"],
        json!({"replicas": 7}),
        "and nothing else"
    );
    carry_out(&mut world, &plan);
    let plan = plan_of(&world);
    let second = writes(&plan);
    assert_eq!(second[0].0, Role::Workloads);
    assert_eq!(second[0].1["spec"].get("replicas"), None);
    carry_out(&mut world, &plan);
    assert!(plan_of(&world).is_settled());
    assert_eq!(replicas(&world), json!(7));
}

#[test]
fn scaling_by_the_autoscaler_is_no_drift() {
    let mut world = autoscaled(&json!({"image": "app:1", "view": {}}));
    for _ in 0..2 {
        let plan = plan_of(&world);
        carry_out(&mut world, &plan);
    }
    tamper(&mut world, "Deployment", "orders-view-blue", |d| {
        d["spec"]["replicas"] = json!(9);
    });
    assert!(plan_of(&world).is_settled());
}

#[test]
fn when_the_autoscaler_goes_a_written_number_counts_and_else_the_live_one() {
    for (spec, expected) in [
        (json!({"image": "app:1", "replicas": 2, "view": {}}), 2),
        (json!({"image": "app:1", "view": {}}), 7),
    ] {
        let mut world = autoscaled(&spec);
        for _ in 0..2 {
            let plan = plan_of(&world);
            carry_out(&mut world, &plan);
        }
        world.autoscaled.clear();
        let plan = plan_of(&world);
        assert_eq!(writes(&plan)[0].1["spec"]["replicas"], json!(expected));
        carry_out(&mut world, &plan);
        assert!(plan_of(&world).is_settled());
        // And an autoscaler that comes back is taken over from again.
        world.autoscaled.insert(deployment());
        assert_eq!(writes(&plan_of(&world))[0].0, Role::Replicas);
    }
}
