//! `kubectl rollout undo`, as it leaves a Deployment.

use super::*;

const NAME: &str = "orders-view-blue";

fn first() -> Value {
    json!({"image": "app:1", "view": {"podOverrides": {"metadata": {"annotations": {"old": "1"}}}}})
}

fn second() -> Value {
    json!({"image": "app:2", "view": {}})
}

fn deployment(world: &World) -> Value {
    json!(world.objects.get("Deployment", NAME).unwrap().as_ref())
}

/// A world in which `before` was followed by `after`, and that was undone.
fn undone(before: &Value, after: &Value) -> World {
    let mut world = settled(before);
    let earlier = deployment(&world);
    change(&mut world, after);
    let plan = plan_of(&world);
    carry_out(&mut world, &plan);
    tamper(&mut world, "Deployment", NAME, |d| {
        d["spec"]["template"] = earlier["spec"]["template"].clone();
        d["metadata"]["annotations"] = earlier["metadata"]["annotations"].clone();
    });
    world
}

fn applied(world: &World) -> Value {
    deployment(world)["metadata"]["annotations"][keys::APPLIED].clone()
}

fn written(world: &mut World) -> (Vec<String>, Vec<String>) {
    let plan = plan_of(world);
    carry_out(world, &plan);
    let fields = plan.drift.iter().map(|drift| drift.field.clone()).collect();
    (summary(&plan), fields)
}

#[test]
fn it_is_drift_and_nothing_of_it_is_left() {
    let mut world = undone(&first(), &second());
    let apply = format!("apply Deployment {NAME}");
    let image = "spec.template.spec.containers.view.image";
    assert_eq!(written(&mut world), (vec![apply], vec![image.to_owned()]));
    let template = |world: &World| deployment(world)["spec"]["template"].clone();
    let left = template(&world)["metadata"]["annotations"]["old"].clone();
    assert_eq!(left, "1", "an apply takes nothing away");
    let replace = format!("replace /spec/template in Deployment {NAME}");
    assert_eq!(written(&mut world), (vec![replace], vec![]));
    assert_eq!(template(&world), template(&settled(&second())));
    assert!(plan_of(&world).is_settled());
}

#[test]
fn it_is_told_also_where_it_only_added_something() {
    let bare = json!({"image": "app:1", "view": {}});
    let mut world = undone(&first(), &bare);
    let (writes, drift) = written(&mut world);
    assert_eq!(writes, [format!("apply Deployment {NAME}")]);
    assert_eq!(drift, ["spec.template"]);
}

#[test]
fn the_replacement_ends_with_the_hash_of_what_is_wanted() {
    let mut world = undone(&first(), &second());
    let hash = deployment(&world)["metadata"]["labels"][keys::APPLIED].clone();
    assert_ne!(applied(&world), hash, "it came back with the old one");
    written(&mut world);
    let plan = plan_of(&world);
    let Write::Replace(_, _, values) = &plan.waves[0][0].write else {
        panic!("{:?}", summary(&plan));
    };
    let pointer = "/metadata/annotations/restapi.dev~1applied".to_owned();
    assert_eq!(values[1], (pointer, hash));
}

#[test]
fn a_value_that_is_stored_otherwise_does_not_keep_it_from_ending() {
    let mut world = undone(&first(), &second());
    written(&mut world);
    tamper(&mut world, "Deployment", NAME, |d| {
        let container = &mut d["spec"]["template"]["spec"]["containers"][0];
        container["imagePullPolicy"] = json!("as the API server has it");
    });
    let replace = format!("replace /spec/template in Deployment {NAME}");
    assert_eq!(written(&mut world), (vec![replace], vec![]));
}

#[test]
fn a_change_of_the_spec_after_it_is_a_change_and_no_drift() {
    let mut world = undone(&first(), &second());
    change(&mut world, &json!({"image": "app:3", "view": {}}));
    let (_, drift) = written(&mut world);
    assert!(drift.is_empty(), "{drift:?}");
    assert!(plan_of(&world).is_settled());
}

#[test]
fn a_deployment_of_an_earlier_version_gets_its_label_with_the_next_change() {
    let mut world = settled(&second());
    tamper(&mut world, "Deployment", NAME, |d| {
        let labels = d["metadata"]["labels"].as_object_mut().unwrap();
        labels.remove(keys::APPLIED);
    });
    assert!(plan_of(&world).is_settled());
}
