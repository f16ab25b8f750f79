//! One component's part of the status.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use restapi_resources::notices::notices;
use restapi_resources::routing::service_port;
use restapi_resources::{Application, Component, pod, security};
use restapi_types::{ComponentStatus, Environment, names};
use workloads::adoption;
use workloads::counts::{self, Counts};
use workloads::pods::{self, Cause};
use workloads::world::{World, environment_of};

use super::issue::{Issue, Weight};

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
            weight: if cause.is_final {
                Weight::Final
            } else {
                Weight::Progress
            },
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
    let workload = world.workload(app, component, environment);
    let counts = workload.map(Counts::of).unwrap_or_default();
    let is_rolled_out = workload.is_some() && counts.is_rolled_out();
    let ready = workload.is_some() && counts.is_available();
    let cause = (!ready).then(|| {
        // Those of the other environment are a rollout's, and bluegreen-manager tells of them.
        let own = world.pods.iter();
        let own = own.filter(|pod| environment_of(pod.as_ref()).is_none_or(|e| e == environment));
        let own: Vec<_> = own.cloned().collect();
        cause(component, workload, &counts, &own)
    });
    let mut notices = told(app, component, environment);
    notices.extend(adoption::notices(app, component, world));
    ComponentVerdict {
        is_available: component.replicas == 0 || counts.available > 0,
        is_progressing: !is_rolled_out,
        deployed_at: workload.and_then(counts::deployed_at),
        status: ComponentStatus {
            name: component.name.to_string(),
            image: Some(component.image.clone()),
            replicas: counts.replicas,
            updated_replicas: counts.updated,
            ready_replicas: counts.ready,
            ready,
            url: url(app, component),
            message: cause.as_ref().map(|c| c.message.clone()),
            notices: (!notices.is_empty()).then_some(notices),
        },
        cause,
    }
}

/// What a component's author should know although nothing is wrong, each with the path of its field.
pub(crate) fn told(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> Vec<String> {
    let template = pod::template(app, component, environment);
    let opt_outs = security::opt_outs(component, &template);
    notices(component).into_iter().chain(opt_outs).collect()
}

/// The address of the stable Service inside the cluster; a worker has none.
fn url(app: &Application, component: &Component) -> Option<String> {
    let port = service_port(component)?;
    let name = names::stable(&app.name, component.name);
    let scheme = component.protocol.scheme();
    Some(format!("{scheme}://{name}.{}.svc:{port}", app.namespace))
}

/// Why the component is not ready: that pods of it are refused (those that are there may then be of the template
/// before, and say nothing about what is asked for), else what its pods say, then that its workload is late, then
/// that it takes time.
fn cause(
    component: &Component,
    workload: Option<&DynamicObject>,
    counts: &Counts,
    pods: &[Arc<Pod>],
) -> Cause {
    workload
        .and_then(refused)
        .or_else(|| pods::cause(component, pods))
        .or_else(|| late(workload?))
        .unwrap_or_else(|| Cause {
            reason: "RollingOut",
            message: match workload {
                None => "its pods are not asked for yet".to_owned(),
                Some(_) => format!(
                    "{} of {} pods are up to date, {} are available",
                    counts.updated, counts.wanted, counts.available
                ),
            },
            is_final: false,
        })
}

fn refused(workload: &DynamicObject) -> Option<Cause> {
    let failure = counts::condition(workload, "ReplicaFailure", "True")?;
    Some(Cause {
        reason: "PodsRefused",
        message: format!(
            "its pods are refused: {}; make room in the quota or correct what the policy names",
            failure.message.unwrap_or_default()
        ),
        is_final: true,
    })
}

fn late(workload: &DynamicObject) -> Option<Cause> {
    let late = counts::condition(workload, "Progressing", "False")?;
    Some(Cause {
        reason: "DeadlineExceeded",
        message: format!(
            "{}; see its pods' events and logs",
            late.message.unwrap_or_default()
        ),
        is_final: true,
    })
}
