//! What is written, and in which order.

use rstest::rstest;

use super::*;

#[test]
fn a_new_application_gets_everything_in_order() {
    let plan = plan_of(&world(&spec()));
    let revision = Application::resolve(&restapi(&spec())).unwrap().revision;
    assert_eq!(
        summary(&plan),
        [
            "create ServiceAccount orders",
            &format!("create ControllerRevision orders-{revision}"),
            "create Service orders-model-blue",
            "create Deployment orders-model-blue",
            "create Service orders-model",
            "create Service orders-view-blue",
            "create Deployment orders-view-blue",
            "create Service orders-view",
        ]
    );
    assert_eq!(plan.waves.len(), 2);
    assert_eq!(plan.revision_number, 1);
}

#[test]
fn a_settled_world_needs_no_write_even_after_the_server_normalised_it() {
    let mut world = settled(&spec());
    tamper(&mut world, "Deployment", "orders-model-blue", |d| {
        let container = &mut d["spec"]["template"]["spec"]["containers"][0];
        container["resources"]["limits"]["cpu"] = json!("1");
        container["terminationMessagePath"] = json!("/dev/termination-log");
        container["env"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|e| {
                if e["value"] == "" {
                    e.as_object_mut().unwrap().remove("value");
                }
            });
        d["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("1");
    });
    tamper(&mut world, "Service", "orders-view", |s| {
        s["spec"]["clusterIP"] = json!("10.0.0.1");
    });
    let plan = plan_of(&world);
    assert!(plan.is_settled(), "{:?}", summary(&plan));
}

#[rstest]
#[case::image_of_one(json!({"image": "app:1", "view": {"image": "view:2"}, "model": spec()["model"]}), &["apply Deployment orders-view-blue"])]
#[case::replicas(json!({"image": "app:1", "view": {"replicas": 3}, "model": spec()["model"]}), &["apply Deployment orders-view-blue"])]
#[case::a_removed_field(json!({"image": "app:1", "view": {}, "model": {"envVars": {"EMPTY": ""}}}), &["apply Deployment orders-model-blue"])]
fn only_what_changed_is_written(#[case] spec_now: Value, #[case] expected: &[&str]) {
    let mut world = settled(&spec());
    change(&mut world, &spec_now);
    let plan = plan_of(&world);
    let workloads: Vec<_> = summary(&plan)
        .into_iter()
        .filter(|w| !w.contains("ControllerRevision"))
        .collect();
    assert_eq!(workloads, expected);
    assert!(plan.drift.is_empty(), "a change of the spec is no drift");
    let fenced = plan.waves.iter().flatten().all(|w| match w {
        Write::Apply(d, v, g) => {
            d.resource.kind == "ControllerRevision"
                || (d.body["metadata"]["labels"][keys::GENERATION] == "2"
                    && *g == Guard::Unchanged
                    && v.resource_version == "5")
        }
        _ => true,
    });
    assert!(fenced);
}

#[test]
fn a_new_generation_alone_writes_nothing() {
    let mut world = settled(&spec());
    change(&mut world, &spec());
    assert!(plan_of(&world).is_settled());
}

#[rstest]
#[case::image("Deployment", "orders-view-blue", "/spec/template/spec/containers/0/image", json!("evil:1"), "spec.template.spec.containers.view.image")]
#[case::replicas("Deployment", "orders-view-blue", "/spec/replicas", json!(9), "spec.replicas")]
#[case::selector("Service", "orders-view", "/spec/selector", json!({"a": "b"}), "spec.selector.a")]
#[case::label("Service", "orders-view", "/metadata/labels/app.kubernetes.io~1instance", json!("other"), "metadata.labels.app.kubernetes.io/instance")]
#[case::owner("ServiceAccount", "orders", "/metadata/ownerReferences", json!([]), "metadata.ownerReferences.owner-uid")]
fn drift_is_repaired_and_named(
    #[case] kind: &str,
    #[case] name: &str,
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] field: &str,
) {
    let mut world = settled(&spec());
    tamper(&mut world, kind, name, |o| {
        *o.pointer_mut(pointer).unwrap() = value;
    });
    let plan = plan_of(&world);
    assert_eq!(summary(&plan), [format!("apply {kind} {name}")]);
    assert_eq!(
        plan.drift,
        [Drift {
            target: Target {
                kind: kind.into(),
                name: name.into()
            },
            field: field.into()
        }]
    );
}

#[test]
fn a_foreign_port_is_replaced_before_anything_is_applied() {
    let mut world = settled(&spec());
    tamper(&mut world, "Service", "orders-view", |s| {
        s["spec"]["ports"][0]["port"] = json!(81);
    });
    let plan = plan_of(&world);
    assert_eq!(
        summary(&plan),
        ["replace /spec/ports in Service orders-view"]
    );
    assert_eq!(plan.drift[0].field, "spec.ports.http.port");
}

#[test]
fn a_removed_component_goes_and_its_coloured_service_outlives_its_pods() {
    let mut world = settled(&spec());
    change(&mut world, &json!({"image": "app:1", "view": {}}));
    let pod = json!({"metadata": {"name": "p", "labels": {
        keys::COMPONENT: "model", keys::INSTANCE: "orders", keys::ENVIRONMENT: "blue"}}});
    world.pods = vec![Arc::new(serde_json::from_value(pod).unwrap())];
    let first = plan_of(&world);
    let deletes: Vec<_> = summary(&first)
        .into_iter()
        .filter(|w| w.starts_with("delete"))
        .collect();
    assert_eq!(
        deletes,
        [
            "delete Deployment orders-model-blue",
            "delete Service orders-model"
        ]
    );
    carry_out(&mut world, &first);
    assert!(plan_of(&world).is_settled(), "the pod is still there");
    world.pods.clear();
    assert_eq!(
        summary(&plan_of(&world)),
        ["delete Service orders-model-blue"]
    );
}

#[test]
fn revisions_are_numbered_come_back_and_end_at_the_limit() {
    let image = |n: usize| json!({"image": format!("app:{n}"), "view": {}});
    let mut world = settled(&image(0));
    for n in 1..=12 {
        change(&mut world, &image(n));
        let plan = plan_of(&world);
        carry_out(&mut world, &plan);
    }
    assert_eq!(plan_of(&world).revision_number, 13);
    assert_eq!(
        world.revisions.len(),
        11,
        "ten and the one that is asked for"
    );
    change(&mut world, &image(5));
    let back = plan_of(&world);
    assert_eq!(back.revision_number, 14);
    carry_out(&mut world, &back);
    assert!(plan_of(&world).is_settled());
}

#[test]
fn the_stable_services_say_which_environment_is_active() {
    let mut world = settled(&spec());
    assert_eq!(
        active_environment("orders", &world.services),
        Environment::Blue
    );
    for name in ["orders-view", "orders-model"] {
        tamper(&mut world, "Service", name, |s| {
            s["spec"]["selector"][keys::ENVIRONMENT] = json!("green");
        });
    }
    assert_eq!(
        active_environment("orders", &world.services),
        Environment::Green
    );
}

#[test]
fn drafts_are_objects_that_kubernetes_knows() {
    for write in plan_of(&world(&spec())).waves.concat() {
        let Write::Create(draft) = write else {
            panic!("only creates")
        };
        let object: DynamicObject = serde_json::from_value(draft.body).unwrap();
        assert_eq!(object.types.unwrap().kind, draft.resource.kind);
    }
}
