//! A component's own container.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, Lifecycle, LifecycleHandler, SleepAction,
};
use restapi_types::Environment;

use crate::ports::MAIN;
use crate::probes::probes;
use crate::{Application, Component, pod, profile, variables, volumes};

/// Seconds that a pod serves on after it was asked to stop: until then every kube-proxy has taken it out
/// of its Services (kube-proxy syncs about once a second; the rest is margin for a busy node).
pub const PRE_STOP_SECONDS: i64 = 5;

/// The container that has the component's name.
#[must_use]
pub fn container(app: &Application, component: &Component, environment: Environment) -> Container {
    let probes = probes(component);
    let spec = &component.spec;
    Container {
        name: component.name.to_string(),
        image: Some(component.image.clone()),
        image_pull_policy: spec.image_pull_policy.map(|p| p.as_str().to_owned()),
        command: spec.command.clone(),
        args: spec.args.clone(),
        env: Some(variables::of(app, component, environment)),
        env_from: some(variables::sources(app, component)),
        ports: some(ports(component)),
        resources: Some(profile::resources(component)),
        liveness_probe: probes.liveness,
        readiness_probe: probes.readiness,
        startup_probe: probes.startup,
        lifecycle: lifecycle(component),
        security_context: spec.security_context.clone(),
        volume_mounts: some(volumes::mounts(component)),
        ..Container::default()
    }
}

/// The component's own port and the extra ones.
fn ports(component: &Component) -> Vec<ContainerPort> {
    let own = component.port.map(|port| (MAIN, port));
    let extra = component.spec.extra_ports.iter().flatten();
    own.into_iter()
        .chain(extra.map(|extra| (extra.name.as_str(), extra.port)))
        .map(|(name, port)| ContainerPort {
            name: Some(name.to_owned()),
            container_port: port,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        })
        .collect()
}

/// The author's, and before the end the wait for the proxies, unless the author's hook takes its place: Kubernetes
/// runs one hook, so an author who has one of his own must wait in it himself. A worker has nobody to wait for.
fn lifecycle(component: &Component) -> Option<Lifecycle> {
    let own = component.spec.lifecycle.clone();
    let seconds = PRE_STOP_SECONDS.min(pod::grace(component));
    let has_own = own.as_ref().is_some_and(|l| l.pre_stop.is_some());
    if has_own || component.port.is_none() || seconds == 0 {
        return own;
    }
    Some(Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(SleepAction { seconds }),
            ..LifecycleHandler::default()
        }),
        ..own.unwrap_or_default()
    })
}

/// A list, or nothing in place of an empty one.
pub(crate) fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    fn of(view: &Value) -> Value {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        json!(container(&app, &app.components[0], Environment::Blue))
    }

    #[rstest]
    #[case(json!({}), json!({"preStop": {"sleep": {"seconds": 5}}}))]
    #[case(json!({"terminationGracePeriodSeconds": 3}), json!({"preStop": {"sleep": {"seconds": 3}}}))]
    #[case(json!({"terminationGracePeriodSeconds": 0}), Value::Null)]
    #[case(json!({"podOverrides": {"spec": {"terminationGracePeriodSeconds": 2}}}), json!({"preStop": {"sleep": {"seconds": 2}}}))]
    #[case(json!({"port": 0}), Value::Null)]
    #[case(json!({"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}), json!({"preStop": {"exec": {"command": ["x"]}}}))]
    #[case(json!({"lifecycle": {"postStart": {"exec": {"command": ["x"]}}}}), json!({"postStart": {"exec": {"command": ["x"]}}, "preStop": {"sleep": {"seconds": 5}}}))]
    fn before_its_end_a_pod_waits_for_the_proxies(#[case] view: Value, #[case] lifecycle: Value) {
        assert_eq!(of(&view)["lifecycle"], lifecycle);
    }

    #[test]
    fn its_own_port_is_called_main() {
        let ports = of(&json!({"port": 80, "extraPorts": [{"name": "metrics", "port": 9090}]}));
        assert_eq!(
            ports["ports"],
            json!([
                {"name": "main", "containerPort": 80, "protocol": "TCP"},
                {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
            ])
        );
        assert_eq!(of(&json!({"port": 0}))["ports"], Value::Null);
    }
}
