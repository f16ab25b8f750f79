//! Everything that stands beside an application's workloads and Services.

use k8s_openapi::api::core::v1::{ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use restapi_types::Environment;

use crate::ingress::ingress;
use crate::network_policy::network_policy;
use crate::pod_disruption_budget::pod_disruption_budget;
use crate::pod_monitor::pod_monitor;
use crate::ports::LivePorts;
use crate::resource_quota::resource_quota;
use crate::routes::route;
use crate::service_account::{component_account, service_account};
use crate::surroundings::Surroundings;
use crate::third_party::ThirdParty;
use crate::{Application, Invalid};

/// The companions of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct Companions {
    /// What pods run as: the application's account, then those of components that have their own.
    pub service_accounts: Vec<ServiceAccount>,
    /// One for each component that has more than one pod, in one environment.
    pub disruption_budgets: Vec<PodDisruptionBudget>,
    /// One for each component, for both environments.
    pub network_policies: Vec<NetworkPolicy>,
    /// The Ingress.
    pub ingress: Option<Ingress>,
    /// The quota of the namespace.
    pub resource_quota: Option<ResourceQuota>,
    /// What needs CRDs that a cluster may lack: the route of the Gateway API and the `PodMonitor`.
    pub third_party: Vec<ThirdParty>,
}

/// Renders the companions of `app`, whose pods live in `environment`. `live` are the ports of pods that exist.
///
/// # Errors
/// As [`check`].
pub fn companions(
    app: &Application,
    environment: Environment,
    surroundings: &Surroundings,
    live: &LivePorts,
) -> Result<Companions, Invalid> {
    let components = || app.components.iter();
    let own_accounts = components().filter_map(|c| component_account(app, c));
    Ok(Companions {
        service_accounts: std::iter::once(service_account(app))
            .chain(own_accounts)
            .collect(),
        disruption_budgets: components()
            .filter_map(|c| pod_disruption_budget(app, c, environment))
            .collect(),
        network_policies: components()
            .filter_map(|c| network_policy(app, c, surroundings, live))
            .collect(),
        ingress: ingress(app)?,
        resource_quota: resource_quota(app),
        third_party: route(app)?.into_iter().chain(pod_monitor(app)).collect(),
    })
}

/// What admission can't see of an Ingress and of routes.
///
/// # Errors
/// [`Invalid`] names the field that nothing can be made from.
pub fn check(app: &Application) -> Result<(), Invalid> {
    ingress(app)?;
    route(app)?;
    Ok(())
}
