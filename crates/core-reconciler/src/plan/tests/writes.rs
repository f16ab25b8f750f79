//! What is written, and in which order.

use rstest::rstest;

use manager_kit::writer::Guard;
use restapi_types::ComponentName;

use super::*;

#[test]
fn a_new_application_gets_everything_in_order() {
    let world = world(&spec());
    let plan = plan_of(&world);
    let revision = world.app.as_ref().unwrap().revision.clone();
    let all = summary(&plan);
    let position = |line: &str| {
        let found = all.iter().position(|l| l == line);
        found.unwrap_or_else(|| panic!("no {line} in {all:?}"))
    };
    assert!(all.iter().all(|line| line.starts_with("create ")));
    assert_eq!(plan.waves.len(), 2);
    let foundations = plan.waves[0].len();
    for line in [
        "create ServiceAccount orders",
        "create NetworkPolicy orders-view",
    ] {
        assert!(position(line) < foundations, "{line}");
    }
    position(&format!("create ControllerRevision orders-{revision}"));
    for component in ["model", "view"] {
        let workload = position(&format!("create Deployment orders-{component}-blue"));
        assert!(workload >= foundations);
        // Both Services are there, so that peers and clients find the first pod.
        position(&format!("create Service orders-{component}-blue"));
        position(&format!("create Service orders-{component}"));
    }
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
        .filter(|w| w.contains("Deployment") || w.contains("Service "))
        .collect();
    assert_eq!(workloads, expected);
    assert!(plan.drift.is_empty(), "a change of the spec is no drift");
    let fenced = plan.waves.iter().flatten().all(|step| match &step.write {
        Write::Apply(d, v, g) => {
            !workloads::kinds::carries_traffic(&d.resource.kind)
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
    assert_eq!(plan.drift[0].field, "spec.ports.main.port");
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
    let second = plan_of(&world);
    let second_deletes = summary(&second);
    assert!(
        second_deletes
            .iter()
            .all(|w| w.starts_with("delete ConfigMap")),
        "the pod is still there: {second_deletes:?}"
    );
    carry_out(&mut world, &second);
    assert!(plan_of(&world).is_settled());
    world.pods.clear();
    assert_eq!(
        summary(&plan_of(&world)),
        [
            "delete NetworkPolicy orders-model",
            "delete Service orders-model-blue"
        ]
    );
}

#[test]
fn policies_that_the_spec_turns_off_go_while_the_pods_stay() {
    let mut world = settled(&spec());
    let pod = json!({"metadata": {"name": "p", "labels": {
        keys::COMPONENT: "model", keys::INSTANCE: "orders", keys::ENVIRONMENT: "blue"}}});
    world.pods = vec![Arc::new(serde_json::from_value(pod).unwrap())];
    let mut open = spec();
    open["networkPolicy"] = json!({"enabled": false});
    change(&mut world, &open);
    assert_eq!(
        summary(&plan_of(&world)),
        [
            "delete NetworkPolicy orders-model",
            "delete NetworkPolicy orders-view"
        ]
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
        world.objects.of("ControllerRevision").count(),
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
    assert_eq!(world.objects.active_environment(), Environment::Blue);
    for name in ["orders-view", "orders-model"] {
        tamper(&mut world, "Service", name, |s| {
            s["spec"]["selector"][keys::ENVIRONMENT] = json!("green");
        });
    }
    assert_eq!(world.objects.active_environment(), Environment::Green);
}

#[test]
fn drafts_are_objects_of_kinds_that_are_watched() {
    let kinds = crate::kinds::owned();
    for step in plan_of(&world(&spec())).waves.concat() {
        let Write::Create(draft) = step.write else {
            panic!("only creates")
        };
        let kind = kinds.iter().find(|k| k.resource == draft.resource);
        let kind = kind.unwrap_or_else(|| panic!("{} is not watched", draft.resource.kind));
        assert_eq!(kind.role, step.role, "{}", draft.resource.kind);
        assert_eq!(draft.body["kind"], draft.resource.kind);
    }
}

#[test]
fn what_pods_lack_keeps_their_workload_from_being_written_and_nothing_else() {
    let mut world = settled(&spec());
    world.config = workloads::config::Config::lacking(ComponentName::View, "view: ConfigMap c");
    change(
        &mut world,
        &json!({"image": "app:2", "view": {}, "model": spec()["model"]}),
    );
    let plan = plan_of(&world);
    assert_eq!(
        plan.obstacles,
        [Obstacle::ConfigMissing("view: ConfigMap c".into())]
    );
    let workloads: Vec<_> = summary(&plan)
        .into_iter()
        .filter(|w| w.contains("Deployment"))
        .collect();
    assert_eq!(workloads, ["apply Deployment orders-model-blue"]);
}

#[test]
fn values_are_kept_until_no_pod_can_be_made_from_them() {
    let values = |n: i32| json!({"image": "app:1", "view": {"envVars": {"N": n.to_string()}}});
    let config_maps = |world: &World| world.objects.of("ConfigMap").count();
    let mut world = settled(&values(1));
    assert_eq!(config_maps(&world), 1);
    change(&mut world, &values(2));
    let plan = plan_of(&world);
    carry_out(&mut world, &plan);
    assert_eq!(config_maps(&world), 2, "the rollout has only begun");
    let plan = plan_of(&world);
    carry_out(&mut world, &plan);
    assert_eq!(config_maps(&world), 2, "the workload has not seen it yet");
    tamper(&mut world, "Deployment", "orders-view-blue", |d| {
        d["metadata"]["generation"] = json!(2);
        d["status"] = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1});
    });
    assert_eq!(
        summary(&plan_of(&world)).len(),
        1,
        "{:?}",
        summary(&plan_of(&world))
    );
}

#[test]
fn a_claim_per_replica_grows_and_its_template_stays() {
    let claim = |size: &str| {
        json!({"image": "app:1", "repository": {"persistence": {
        "size": size, "mountPath": "/data", "retention": "Retain", "mode": "PerReplica"}}})
    };
    let mut world = settled(&claim("1Gi"));
    put(
        &mut world,
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data-orders-repository-blue-0", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                "labels": {keys::INSTANCE: "orders", keys::COMPONENT: "repository", keys::ENVIRONMENT: "blue", keys::MANAGED_BY: keys::MANAGED_BY_VALUE}},
            "spec": {"resources": {"requests": {"storage": "1Gi"}}}}),
    );
    assert!(plan_of(&world).is_settled());
    change(&mut world, &claim("2Gi"));
    let plan = plan_of(&world);
    assert_eq!(
        summary(&plan),
        ["apply PersistentVolumeClaim data-orders-repository-blue-0"]
    );
    carry_out(&mut world, &plan);
    assert!(plan_of(&world).is_settled());
}

#[test]
fn a_kind_that_the_cluster_lacks_is_an_obstacle_and_no_write() {
    let gateway = json!({"image": "app:1", "view": {}, "gateway": {"parentRefs": [{"name": "g"}]}});
    let mut world = settled(&json!({"image": "app:1", "view": {}}));
    change(&mut world, &gateway);
    let target = Target {
        kind: "HTTPRoute".into(),
        name: "orders".into(),
    };
    assert!(
        matches!(&plan_of(&world).obstacles[..], [Obstacle::KindMissing(t, _)] if *t == target)
    );
    world.served.insert("HTTPRoute".into());
    assert_eq!(summary(&plan_of(&world)), ["create HTTPRoute orders"]);
}
