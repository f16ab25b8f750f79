//! The pod template of one component in one environment.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, LocalObjectReference, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use restapi_types::{Environment, keys};

use crate::container::{container, some};
use crate::service_account::account_name;
use crate::{Application, Component, labels, overrides, placement, security, volumes};

/// Seconds from the request to stop until the kill: the wait before the end and the longest request.
pub const GRACE_SECONDS: i64 = 30;

/// The pod template: what the fields say, the author's overrides over it, and the restricted defaults where both
/// say nothing.
#[must_use]
pub fn template(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> PodTemplateSpec {
    let mut template = generated(app, component, environment);
    if let Some(own) = &component.parts.overrides {
        overrides::merge(&mut template, own.clone());
    }
    security::restrict(component, &mut template);
    if let Some(pod) = template.spec.as_mut() {
        volumes::add_tmp(pod);
    }
    template
}

/// What the fields say.
pub(crate) fn generated(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(pod_labels(app, component, environment)),
            annotations: annotations(app, component),
            ..ObjectMeta::default()
        }),
        spec: Some(spec(app, component, environment)),
    }
}

/// The author's labels and the operator's, which win.
fn pod_labels(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> BTreeMap<String, String> {
    let mut all = component.spec.pod_labels.clone().unwrap_or_default();
    all.extend(labels::workload(&app.name, component.name, environment));
    all
}

/// The author's annotations, the hash of what the pods refer to, and when they were replaced by command: another content
/// makes other pods.
fn annotations(app: &Application, component: &Component) -> Option<BTreeMap<String, String>> {
    let mut all = component.spec.pod_annotations.clone().unwrap_or_default();
    if let Some(hash) = &component.config {
        all.insert(keys::CONFIG.to_owned(), hash.clone());
    }
    if let Some(time) = &app.restarted {
        all.insert(keys::RESTARTED.to_owned(), time.clone());
    }
    (!all.is_empty()).then_some(all)
}

fn spec(app: &Application, component: &Component, environment: Environment) -> PodSpec {
    let own = &component.spec;
    PodSpec {
        affinity: placement::affinity(app, component, environment),
        automount_service_account_token: Some(component.automount_token),
        containers: vec![container(app, component, environment)],
        // Service links would put NAME_PORT variables of every Service of the namespace into the pod.
        enable_service_links: Some(false),
        image_pull_secrets: some(pull_secrets(component)),
        init_containers: some(before_and_beside(component)),
        node_selector: own.node_selector.clone(),
        priority_class_name: own.priority_class_name.clone(),
        security_context: own.pod_security_context.clone(),
        service_account_name: Some(account_name(app, component)),
        termination_grace_period_seconds: Some(grace(component)),
        tolerations: own.tolerations.clone(),
        topology_spread_constraints: placement::spread(app, component, environment),
        volumes: some(volumes::volumes(app, component)),
        ..PodSpec::default()
    }
}

/// Seconds from the request to stop until the kill.
#[must_use]
pub fn grace(component: &Component) -> i64 {
    let overrides = component.parts.overrides.as_ref();
    let overrides = overrides.and_then(|o| o.spec.as_ref()?.termination_grace_period_seconds);
    overrides
        .or(component.spec.termination_grace_period_seconds)
        .unwrap_or(GRACE_SECONDS)
}

fn pull_secrets(component: &Component) -> Vec<LocalObjectReference> {
    let names = component.pull_secrets.iter().cloned();
    names.map(|name| LocalObjectReference { name }).collect()
}

/// The author's init containers, then his sidecars. A sidecar is an init container that Kubernetes keeps running:
/// it starts before the component's container, and stops after it. An init container that needs a sidecar says
/// `restartPolicy: Always` of that one among `initContainers`, whose order is kept.
fn before_and_beside(component: &Component) -> Vec<Container> {
    let sidecars = component.parts.sidecars.iter().map(|sidecar| Container {
        restart_policy: Some("Always".to_owned()),
        ..sidecar.clone()
    });
    let init = component.parts.init_containers.iter().cloned();
    init.chain(sidecars).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    fn of(spec: &Value) -> Value {
        let app = application(&spec.to_string());
        json!(template(&app, &app.components[0], Environment::Blue))
    }

    #[test]
    fn sidecars_start_after_init_containers_and_outlive_the_container() {
        let pod = of(&json!({"image": "a", "view": {
            "sidecars": [{"name": "s", "image": "s", "ports": [{"containerPort": 7}]}],
            "initContainers": [{"name": "i", "image": "i"}]}}));
        let init = pod["spec"]["initContainers"].as_array().unwrap();
        assert_eq!([&init[0]["name"], &init[1]["name"]], ["i", "s"]);
        assert_eq!(init[0]["restartPolicy"], Value::Null);
        assert_eq!(init[1]["restartPolicy"], "Always");
        assert_eq!(init[1]["ports"], json!([{"containerPort": 7}]));
    }

    #[test]
    fn labels_and_annotations_are_the_author_s_and_ours() {
        let app = application(
            r#"{"image": "a", "view": {"podLabels": {"team": "x"}, "podAnnotations": {"note": "y"}}}"#,
        );
        let app = app.pinned(|_| Some("abc".to_owned()));
        let template = json!(template(&app, &app.components[0], Environment::Green));
        let metadata = &template["metadata"];
        assert_eq!(metadata["labels"]["team"], "x");
        assert_eq!(metadata["labels"]["restapi.dev/environment"], "green");
        assert_eq!(
            metadata["annotations"],
            json!({"note": "y", "restapi.dev/config": "abc"})
        );
    }

    #[test]
    fn a_component_with_an_account_of_its_own_uses_it() {
        let spec = |component: Value| json!({"image": "a", "serviceAccount": {"automountToken": true}, "view": component});
        let shared = of(&spec(json!({})));
        assert_eq!(shared["spec"]["serviceAccountName"], "orders");
        assert_eq!(shared["spec"]["automountServiceAccountToken"], true);
        let own = of(&spec(json!({"serviceAccount": {"automountToken": false}})));
        assert_eq!(own["spec"]["serviceAccountName"], "orders.view");
        assert_eq!(own["spec"]["automountServiceAccountToken"], false);
    }

    #[test]
    fn overrides_win_over_what_the_fields_say() {
        let pod = of(
            &json!({"image": "a", "view": {"nodeSelector": {"a": "b"}, "podOverrides": {
            "metadata": {"labels": {"team": "x"}},
            "spec": {"dnsPolicy": "Default", "containers": [
                {"name": "view", "env": [{"name": "B", "value": "1"}], "tty": true},
                {"name": "more", "image": "m"}]}}}}),
        );
        assert_eq!(pod["metadata"]["labels"]["team"], "x");
        assert_eq!(pod["spec"]["dnsPolicy"], "Default");
        let containers = pod["spec"]["containers"].as_array().unwrap();
        assert_eq!((containers.len(), &containers[0]["tty"]), (2, &json!(true)));
        assert_eq!(containers[0]["image"], "a");
        let names = containers[0]["env"].as_array().unwrap().iter();
        assert!(names.clone().any(|v| v["name"] == "B") && names.count() == 7);
    }
}
