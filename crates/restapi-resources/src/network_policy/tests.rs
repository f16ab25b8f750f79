use k8s_openapi::api::core::v1::PodSpec;
use restapi_types::ComponentName;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::restapi;
use crate::surroundings::Otlp;

fn app(spec: &Value) -> Application {
    Application::resolve(&restapi(&spec.to_string())).unwrap()
}

fn surroundings() -> Surroundings {
    Surroundings {
        managers_namespace: "restapi-system".to_owned(),
        monitoring_namespace: Some("monitoring".to_owned()),
        otlp: Some(Otlp {
            namespace: "tracing".to_owned(),
            port: 4317,
        }),
    }
}

/// Only what every application has.
fn bare() -> Surroundings {
    Surroundings {
        monitoring_namespace: None,
        otlp: None,
        ..surroundings()
    }
}

fn policy(app: &Application, name: &str, around: &Surroundings, live: &LivePorts) -> NetworkPolicy {
    let component = app.component(ComponentName::of(name).unwrap()).unwrap();
    network_policy(app, component, around, live).unwrap()
}

#[test]
fn an_application_s_policies() {
    let app = app(&json!({
        "image": "a", "view": {},
        "model": {
            "extraPorts": [{"name": "metrics", "port": 9100}],
            "networkPolicy": {
                "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "billing"}}}], "ports": [{"port": 8080}]}],
                "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 5432}]}]
            }
        },
        "additionalComponents": [{"name": "worker", "template": {}}],
    }));
    let policies: Vec<_> = app
        .components
        .iter()
        .map(|c| network_policy(&app, c, &surroundings(), &LivePorts::default()))
        .collect();
    insta::assert_yaml_snapshot!(policies);
}

#[test]
fn none_where_the_component_wants_none() {
    let app = app(&json!({
        "image": "a", "networkPolicy": {"enabled": false},
        "view": {}, "model": {"networkPolicy": {"enabled": true}},
    }));
    let has = |name| {
        let component = app.component(name).unwrap();
        network_policy(&app, component, &bare(), &LivePorts::default()).is_some()
    };
    assert!(!has(ComponentName::View));
    assert!(has(ComponentName::Model));
}

#[test]
fn a_worker_that_nobody_calls_admits_nobody() {
    let app =
        app(&json!({"image": "a", "additionalComponents": [{"name": "worker", "template": {}}]}));
    let policy = policy(&app, "worker", &surroundings(), &LivePorts::default());
    let spec = policy.spec.unwrap();
    assert_eq!(spec.ingress, None);
    assert_eq!(spec.policy_types.unwrap(), ["Ingress", "Egress"]);
}

#[test]
fn pods_of_an_earlier_revision_keep_their_ports() {
    let app = app(&json!({"image": "a", "view": {}, "model": {"port": 9000}}));
    let mut live = LivePorts::default();
    let old: PodSpec = serde_json::from_value(json!({"containers": [{"name": "model", "ports": [
        {"name": "main", "containerPort": 8080}, {"name": "admin", "containerPort": 8081},
        {"name": "metrics", "containerPort": 8089},
    ]}]}))
    .unwrap();
    live.add(
        ComponentName::Model,
        Ports::of_pod(ComponentName::Model, &old),
    );

    let view = json!(policy(&app, "view", &bare(), &live));
    let called: Vec<_> = view["spec"]["egress"][1]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["port"].as_i64().unwrap())
        .collect();
    assert_eq!(called, [3000, 8080, 8081, 8089, 9000]);

    let model = json!(policy(&app, "model", &surroundings(), &live));
    let admitted = |rule: usize| -> Vec<String> {
        let ports = model["spec"]["ingress"][rule]["ports"].as_array().unwrap();
        ports.iter().map(|port| port["port"].to_string()).collect()
    };
    assert_eq!(admitted(0), [r#""admin""#, r#""main""#, r#""metrics""#]);
    assert_eq!(
        admitted(2),
        [r#""main""#, r#""metrics""#],
        "old and new are scraped"
    );
}

#[rstest]
#[case(json!({"port": 8099}), json!(["main", 8099]))]
#[case(json!({"port": 3000}), json!(["main"]))]
#[case(json!({"liveness": {"tcpSocket": {"port": 7000}}, "startup": {"httpGet": {"port": "main"}}, "readiness": {"grpc": {"port": 7001}}}), json!(["main", 7000, 7001]))]
fn the_managers_reach_the_port_that_health_is_asked_on(
    #[case] health: Value,
    #[case] ports: Value,
) {
    let app = app(&json!({"image": "a", "view": {"healthCheck": health}}));
    let view = json!(policy(&app, "view", &bare(), &LivePorts::default()));
    let found: Vec<_> = view["spec"]["ingress"][2]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["port"].clone())
        .collect();
    assert_eq!(json!(found), ports);
}

#[test]
fn managers_are_found_by_the_labels_that_their_pods_get() {
    let base = include_str!("../../../../kustomize/core-reconciler/kustomization.yaml");
    let labels = [
        (keys::COMPONENT, keys::MANAGERS_COMPONENT),
        (keys::PART_OF, keys::MANAGERS_PART_OF),
    ];
    for (key, value) in labels {
        assert!(base.contains(&format!("{key}: {value}\n")), "{key}");
    }
    assert!(base.contains("includeTemplates: true"));
}

mod admits_no_stranger;
