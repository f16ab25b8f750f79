//! The Deployment of one component in one environment.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, HTTPGetAction, Lifecycle, LifecycleHandler,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecurityContext,
    SleepAction,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::{Environment, keys, names};

use crate::render::RenderVersion;
use crate::{Application, Component, labels, variables};

/// The name of every component's port, by which Services and probes refer to it.
pub const PORT_NAME: &str = "http";

/// Where a component answers whether it is healthy.
pub const HEALTH_PATH: &str = "/health";

/// Seconds that a pod serves on after it was asked to stop: until then every kube-proxy has taken it out
/// of its Services (kube-proxy syncs about once a second; the rest is margin for a busy node).
pub const PRE_STOP_SECONDS: i64 = 5;

/// Seconds from the request to stop until the kill: [`PRE_STOP_SECONDS`] and the longest request.
pub const GRACE_SECONDS: i64 = 30;

/// The Deployment of `component` in `environment`, with the number of replicas that the spec asks for.
#[must_use]
pub fn deployment(
    app: &Application,
    component: &Component,
    environment: Environment,
    version: RenderVersion,
) -> Deployment {
    let name = names::coloured(&app.name, component.name, environment);
    let workload = labels::workload(&app.name, component.name, environment);
    let mut metadata = labels::owned(app, name, workload.clone());
    metadata.annotations = Some(BTreeMap::from([(
        keys::RENDER_VERSION.to_owned(),
        version.as_str().to_owned(),
    )]));
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(component.replicas),
            selector: LabelSelector {
                match_labels: Some(labels::selector(&app.name, component.name, environment)),
                match_expressions: None,
            },
            strategy: Some(never_fewer()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(workload),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(app, component, environment)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// One new pod is added and ready before an old one goes.
fn never_fewer() -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(1)),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

fn pod(app: &Application, component: &Component, environment: Environment) -> PodSpec {
    PodSpec {
        containers: vec![container(app, component, environment)],
        service_account_name: Some(names::application(&app.name)),
        automount_service_account_token: Some(false),
        // Service links would put NAME_PORT variables of every Service of the namespace into the pod.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

fn container(app: &Application, component: &Component, environment: Environment) -> Container {
    Container {
        name: component.name.to_string(),
        image: Some(component.image.clone()),
        command: component.spec.command.clone(),
        args: component.spec.args.clone(),
        env: Some(variables::of(app, component, environment)),
        ports: Some(vec![ContainerPort {
            name: Some(PORT_NAME.to_owned()),
            container_port: component.port.unwrap_or_default(),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        resources: component
            .spec
            .resources
            .as_ref()
            .map(restapi_types::ResourceRequirements::to_kube),
        readiness_probe: Some(readiness()),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction {
                    seconds: PRE_STOP_SECONDS,
                }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Ready once `/health` answers; asked often, since a new pod serves only after the first answer.
fn readiness() -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(HEALTH_PATH.to_owned()),
            port: IntOrString::String(PORT_NAME.to_owned()),
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(2),
        timeout_seconds: Some(2),
        failure_threshold: Some(3),
        ..Probe::default()
    }
}
