//! One component's part of the status.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus};
use kube::ResourceExt as _;
use restapi_resources::{Application, Component};
use restapi_types::{ComponentStatus, Environment, names};

use super::Issue;
use crate::observe::World;
use crate::pods::{self, Cause};

/// What is to be said of one component.
pub(super) struct ComponentVerdict {
    pub(super) status: ComponentStatus,
    /// Whether it has a pod that serves, or none is asked for.
    pub(super) is_available: bool,
    /// Whether pods are being created or replaced.
    pub(super) is_progressing: bool,
    /// When its new pods had last replaced its old ones.
    pub(super) deployed_at: Option<Timestamp>,
    cause: Option<Cause>,
}

impl ComponentVerdict {
    /// What stands between the component and ready.
    pub(super) fn issue(&self) -> Option<Issue> {
        let cause = self.cause.as_ref()?;
        Some(Issue {
            reason: cause.reason.to_owned(),
            message: format!("{}: {}", self.status.name, cause.message),
            is_final: cause.is_final,
        })
    }
}

/// What is to be said of `component`.
pub(super) fn verdict(
    app: &Application,
    component: &Component,
    environment: Environment,
    world: &World,
) -> ComponentVerdict {
    let name = names::coloured(&app.name, component.name, environment);
    let deployment = world.deployments.iter().find(|d| d.name_any() == name);
    let status = deployment
        .and_then(|d| d.status.clone())
        .unwrap_or_default();
    let (replicas, updated) = (
        status.replicas.unwrap_or(0),
        status.updated_replicas.unwrap_or(0),
    );
    let available = status.available_replicas.unwrap_or(0);
    let is_rolled_out = deployment.is_some_and(|d| is_seen(d, &status))
        && replicas == component.replicas
        && updated == component.replicas;
    let ready = is_rolled_out && available >= component.replicas;
    let cause = (!ready).then(|| cause(component, deployment, &status, world));
    ComponentVerdict {
        is_available: component.replicas == 0 || available > 0,
        is_progressing: !is_rolled_out,
        deployed_at: deployed_at(&status),
        status: ComponentStatus {
            name: component.name.to_string(),
            image: Some(component.image.clone()),
            replicas,
            updated_replicas: updated,
            ready_replicas: status.ready_replicas.unwrap_or(0),
            ready,
            url: url(app, component),
            message: cause.as_ref().map(|c| c.message.clone()),
            notices: None,
        },
        cause,
    }
}

/// The address of the stable Service inside the cluster; a worker has none.
fn url(app: &Application, component: &Component) -> Option<String> {
    let service = component.spec.service.as_ref();
    let port = service.and_then(|s| s.port).or(component.port)?;
    component.port.map(|_| {
        let name = names::stable(&app.name, component.name);
        let scheme = component.protocol.scheme();
        format!("{scheme}://{name}.{}.svc:{port}", app.namespace)
    })
}

/// Whether the Deployment's status speaks of its newest spec.
fn is_seen(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    status.observed_generation >= deployment.metadata.generation
}

/// Why the component is not ready: what its pods say, then what its Deployment says, then that it takes time.
fn cause(
    component: &Component,
    deployment: Option<&Arc<Deployment>>,
    status: &DeploymentStatus,
    world: &World,
) -> Cause {
    let said_by_pods = pods::cause(component, &world.pods);
    said_by_pods
        .or_else(|| said_by_deployment(status))
        .unwrap_or_else(|| Cause {
            reason: "RollingOut",
            message: match deployment {
                None => "its Deployment does not exist yet".to_owned(),
                Some(_) => format!(
                    "{} of {} pods are up to date, {} are available",
                    status.updated_replicas.unwrap_or(0),
                    component.replicas,
                    status.available_replicas.unwrap_or(0)
                ),
            },
            is_final: false,
        })
}

fn said_by_deployment(status: &DeploymentStatus) -> Option<Cause> {
    let message = |c: &DeploymentCondition| c.message.clone().unwrap_or_default();
    if let Some(failure) = condition(status, "ReplicaFailure", "True") {
        return Some(Cause {
            reason: "PodsRefused",
            message: format!(
                "its pods are refused: {}; make room in the quota or correct what the policy names",
                message(failure)
            ),
            is_final: true,
        });
    }
    let late = condition(status, "Progressing", "False")?;
    Some(Cause {
        reason: "DeadlineExceeded",
        message: format!("{}; see its pods' events and logs", message(late)),
        is_final: true,
    })
}

fn condition<'a>(
    status: &'a DeploymentStatus,
    type_: &str,
    value: &str,
) -> Option<&'a DeploymentCondition> {
    status
        .conditions
        .as_ref()?
        .iter()
        .find(|c| c.type_ == type_ && c.status == value)
}

fn deployed_at(status: &DeploymentStatus) -> Option<Timestamp> {
    let progressing = condition(status, "Progressing", "True")?;
    let is_done = progressing.reason.as_deref() == Some("NewReplicaSetAvailable");
    let time = progressing.last_update_time.as_ref()?.0;
    is_done.then_some(time)
}
