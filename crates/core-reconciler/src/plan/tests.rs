//! Plans of worlds. A world is built by carrying out plans on it, as the API server would.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::core::DynamicObject;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::restapi;

fn spec() -> Value {
    json!({"image": "app:1", "view": {}, "model": {"envVars": {"EMPTY": ""}, "resources": {"limits": {"cpu": "1000m"}}}})
}

fn world(spec: &Value) -> World {
    World {
        restapi: Arc::new(restapi(spec)),
        deployments: Vec::new(),
        services: Vec::new(),
        service_accounts: Vec::new(),
        revisions: Vec::new(),
        pods: Vec::new(),
    }
}

fn plan_of(world: &World) -> Plan {
    plan(&Application::resolve(&world.restapi).unwrap(), world).unwrap()
}

impl Plan {
    /// Whether nothing is to be written and nothing stands in the way.
    fn is_settled(&self) -> bool {
        self.waves.is_empty() && self.obstacles.is_empty()
    }
}

/// The verbs and objects of a plan, in order.
fn summary(plan: &Plan) -> Vec<String> {
    let line = |write: &Write| match write {
        Write::Create(d) => format!("create {} {}", d.resource.kind, d.name),
        Write::Apply(d, ..) => format!("apply {} {}", d.resource.kind, d.name),
        Write::Replace(d, _, lists) => {
            format!("replace {} in {} {}", lists[0].0, d.resource.kind, d.name)
        }
        Write::Delete(_, t, _) => format!("delete {} {}", t.kind, t.name),
    };
    plan.waves.iter().flatten().map(line).collect()
}

/// Puts `body` into the world, replacing what has its kind and name.
fn put(world: &mut World, body: Value) {
    fn replace<K: kube::Resource + serde::de::DeserializeOwned>(
        objects: &mut Vec<Arc<K>>,
        body: Value,
    ) {
        let object: K = serde_json::from_value(body).unwrap();
        objects.retain(|o| o.name_any() != object.name_any());
        objects.push(Arc::new(object));
    }
    match body["kind"].as_str().unwrap() {
        "Deployment" => replace(&mut world.deployments, body),
        "Service" => replace(&mut world.services, body),
        "ServiceAccount" => replace(&mut world.service_accounts, body),
        "ControllerRevision" => replace(&mut world.revisions, body),
        other => panic!("{other} is none of ours"),
    }
}

/// Carries the plan out on the world.
fn carry_out(world: &mut World, plan: &Plan) {
    for write in plan.waves.iter().flatten() {
        match write {
            Write::Create(draft) | Write::Apply(draft, ..) | Write::Replace(draft, ..) => {
                let mut body = draft.body.clone();
                body["metadata"]["uid"] = json!(format!("uid-{}", draft.name));
                body["metadata"]["resourceVersion"] = json!("5");
                put(world, body);
            }
            Write::Delete(_, target, _) => {
                world
                    .deployments
                    .retain(|o| target.kind != "Deployment" || o.name_any() != target.name);
                world
                    .services
                    .retain(|o| target.kind != "Service" || o.name_any() != target.name);
                world
                    .revisions
                    .retain(|o| target.kind != "ControllerRevision" || o.name_any() != target.name);
            }
        }
    }
}

fn settled(spec: &Value) -> World {
    let mut world = world(spec);
    let plan = plan_of(&world);
    carry_out(&mut world, &plan);
    world
}

/// A new spec, as a new generation.
fn change(world: &mut World, spec: &Value) {
    let mut changed = restapi(spec);
    changed.metadata.generation = Some(world.restapi.metadata.generation.unwrap() + 1);
    world.restapi = Arc::new(changed);
}

/// One object of the world as JSON, changed and put back.
fn tamper(world: &mut World, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
    fn find<K: kube::Resource + serde::Serialize>(objects: &[Arc<K>], name: &str) -> Value {
        json!(
            objects
                .iter()
                .find(|o| o.name_any() == name)
                .unwrap()
                .as_ref()
        )
    }
    let mut body = match kind {
        "Deployment" => find(&world.deployments, name),
        "Service" => find(&world.services, name),
        "ServiceAccount" => find(&world.service_accounts, name),
        _ => find(&world.revisions, name),
    };
    change(&mut body);
    put(world, body);
}

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
        s["spec"]["ports"][0]["port"] = json!(81)
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
fn no_service_selects_a_sealed_environment() {
    let mut world = settled(&spec());
    tamper(&mut world, "Service", "orders-view", |s| {
        s["metadata"]["annotations"][keys::SEALED] = json!("blue/abc");
        s["spec"]["ports"][0]["port"] = json!(1);
    });
    let plan = plan_of(&world);
    assert_eq!(summary(&plan), Vec::<String>::new());
    assert!(matches!(&plan.obstacles[..], [Obstacle::Sealed(_, sealed)] if sealed == "blue/abc"));
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
