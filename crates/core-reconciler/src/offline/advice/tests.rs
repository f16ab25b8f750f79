//! Each rule, on a spec that breaks it and on one that just does not.

use rstest::rstest;
use serde_json::{Value, json};
use workloads::fixtures::restapi;

use super::*;

fn found(spec: &Value) -> Vec<Finding> {
    of(&Application::resolve(&restapi(spec)).unwrap())
}

/// What is found of the component `view`, which has these fields and is otherwise beyond reproach.
fn of_view(fields: &Value) -> Vec<(&'static str, String)> {
    let mut view = json!({"replicas": 2});
    view.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let found = found(&json!({"image": "app:1", "view": view}));
    found.into_iter().map(|f| (f.rule, f.field)).collect()
}

#[rstest]
#[case::no_tag(json!({"image": "app"}), &[("image-tag", "spec.view.image")])]
#[case::latest(json!({"image": "registry:5000/app:latest"}), &[("image-tag", "spec.view.image")])]
#[case::port_of_a_registry(json!({"image": "registry:5000/app"}), &[("image-tag", "spec.view.image")])]
#[case::digest(json!({"image": "app@sha256:0123"}), &[])]
#[case::tag(json!({"image": "registry:5000/app:1"}), &[])]
#[case::no_limit(json!({"resources": {"requests": {"memory": "1Gi"}}}), &[("memory-limit", "spec.view.resources")])]
#[case::limit(json!({"resources": {"limits": {"memory": "1Gi"}}}), &[])]
#[case::no_check(json!({"healthCheck": {"enabled": false}}), &[("no-health-check", "spec.view.healthCheck.enabled")])]
#[case::worker_without_check(json!({"port": 0, "healthCheck": {"enabled": false}}), &[])]
#[case::slow_answer(json!({"healthCheck": {"timeoutSeconds": 10}}), &[("probe-timeout", "spec.view.healthCheck.timeoutSeconds")])]
#[case::quick_answer(json!({"healthCheck": {"timeoutSeconds": 9}}), &[])]
#[case::slow_probe(json!({"healthCheck": {"liveness": {"timeoutSeconds": 5, "periodSeconds": 5}}}),
    &[("probe-timeout", "spec.view.healthCheck.liveness.timeoutSeconds")])]
#[case::quick_probe(json!({"healthCheck": {"startup": {"timeoutSeconds": 5}}}), &[])]
#[case::no_grace(json!({"terminationGracePeriodSeconds": 5}), &[("grace-period", "spec.view.terminationGracePeriodSeconds")])]
#[case::grace(json!({"terminationGracePeriodSeconds": 6}), &[])]
#[case::one(json!({"replicas": 1}), &[("one-replica", "spec.view.replicas")])]
#[case::one_worker(json!({"replicas": 1, "port": 0}), &[])]
#[case::none(json!({"replicas": 0}), &[])]
#[case::nobody_may_go(json!({"disruption": {"maxUnavailable": 0}}), &[("budget-blocks-drain", "spec.view.disruption.maxUnavailable")])]
#[case::all_must_stay(json!({"disruption": {"minAvailable": "100%"}}), &[("budget-blocks-drain", "spec.view.disruption.minAvailable")])]
#[case::more_must_stay(json!({"disruption": {"minAvailable": 3}}), &[("budget-blocks-drain", "spec.view.disruption.minAvailable")])]
#[case::one_may_go(json!({"disruption": {"minAvailable": 1}}), &[])]
#[case::no_budget(json!({"disruption": {"enabled": false, "minAvailable": 2}}), &[])]
#[case::all_at_once(json!({"strategy": {"maxUnavailable": "100%"}}), &[("update-stops-all", "spec.view.strategy.maxUnavailable")])]
#[case::half_at_once(json!({"strategy": {"maxUnavailable": "50%"}}), &[])]
#[case::nodes(json!({"antiAffinity": "Required"}), &[("needs-nodes", "spec.view.antiAffinity")])]
#[case::recreate(json!({"strategy": {"type": "Recreate"}}), &[("notice", "spec.view.strategy")])]
#[case::opt_out(json!({"securityContext": {"readOnlyRootFilesystem": false}}),
    &[("notice", "spec.view.securityContext.readOnlyRootFilesystem")])]
#[case::secret(json!({"envVars": {"DB_PASSWORD": "hunter2"}}), &[("secret-in-plain-text", "spec.view.envVars.DB_PASSWORD")])]
#[case::literal_secret(json!({"env": [{"name": "API_TOKEN", "value": "x"}]}), &[("secret-in-plain-text", "spec.view.env[API_TOKEN].value")])]
#[case::referred_secret(json!({"env": [{"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}), &[])]
fn each_rule_finds_what_it_is_for_and_no_more(
    #[case] fields: Value,
    #[case] expected: &[(&str, &str)],
) {
    let found = of_view(&fields);
    let found: Vec<_> = found
        .iter()
        .map(|(rule, field)| (*rule, field.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[rstest]
#[case("ReadWriteOnce", 2, true)]
#[case("ReadWriteOncePod", 2, true)]
#[case("ReadWriteMany", 2, false)]
#[case("ReadWriteOnce", 1, false)]
fn a_claim_that_not_all_pods_can_have_is_found(
    #[case] mode: &str,
    #[case] replicas: i32,
    #[case] expected: bool,
) {
    let claim =
        json!({"size": "1Gi", "mountPath": "/data", "retention": "Retain", "accessMode": mode});
    let found = of_view(&json!({"replicas": replicas, "persistence": claim}));
    let is_found = found.iter().any(|(rule, _)| *rule == "claim-not-shared");
    assert_eq!(is_found, expected, "{found:?}");
}

#[rstest]
#[case(json!({"paused": true}), "paused", Severity::Warning)]
#[case(json!({"resourceQuota": {"hard": {"pods": 9}}}), "quota-counts-namespace", Severity::Info)]
#[case(json!({"ingress": {}}), "ingress-without-tls", Severity::Info)]
#[case(json!({"envVars": {"SECRET": "x"}}), "secret-in-plain-text", Severity::Warning)]
fn the_application_as_a_whole_is_looked_at(
    #[case] fields: Value,
    #[case] rule: &str,
    #[case] severity: Severity,
) {
    let mut spec = json!({"image": "app:1", "replicas": 2, "view": {}});
    spec.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let found: Vec<_> = found(&spec)
        .into_iter()
        .map(|f| (f.rule, f.severity))
        .collect();
    assert_eq!(found, [(rule, severity)]);
}

#[test]
fn what_components_inherit_is_said_once_and_where_it_stands() {
    let found =
        found(&json!({"image": "app", "model": {}, "view": {}, "controller": {"image": "app"}}));
    let fields: Vec<_> = found.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(
        fields,
        ["spec.image", "spec.replicas", "spec.controller.image"]
    );
}

#[test]
fn values_of_secrets_are_not_repeated() {
    let found = found(&json!({"image": "a:1", "view": {"envVars": {"TOKEN": "hunter2"}}}));
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn a_notice_begins_with_its_field() {
    let finding = noticed("spec.view.strategy: Recreate interrupts the component at every update");
    assert_eq!(finding.field, "spec.view.strategy");
    assert!(finding.message.starts_with("Recreate"));
}
