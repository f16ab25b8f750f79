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
    /// One for each component that has more than one pod, in each environment.
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

/// Renders the companions of `app`, whose pods live in `environments`. `live` are the ports of pods that exist.
///
/// # Errors
/// As [`check`].
pub fn companions(
    app: &Application,
    environments: &[Environment],
    surroundings: &Surroundings,
    live: &LivePorts,
) -> Result<Companions, Invalid> {
    let components = || app.components.iter();
    let own_accounts = components().filter_map(|c| component_account(app, c));
    Ok(Companions {
        service_accounts: std::iter::once(service_account(app))
            .chain(own_accounts)
            .collect(),
        disruption_budgets: environments
            .iter()
            .flat_map(|environment| {
                components().filter_map(|c| pod_disruption_budget(app, c, *environment))
            })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::restapi;

    const SPEC: &str = r#"{
        "image": "a", "replicas": 2, "view": {}, "model": {"serviceAccount": {}},
        "additionalComponents": [{"name": "worker", "template": {"replicas": 1}}],
        "ingress": {"hosts": ["shop.example.com"], "tls": {"clusterIssuer": "ca"}},
        "gateway": {"parentRefs": [{"name": "public"}]},
        "resourceQuota": {"hard": {"pods": "20"}},
        "monitoring": {}
    }"#;

    fn rendered(spec: &str) -> Result<Companions, Invalid> {
        let app = Application::resolve(&restapi(spec)).unwrap();
        let surroundings = Surroundings {
            managers_namespace: "restapi-system".to_owned(),
            monitoring_namespace: None,
            otlp: None,
        };
        let rendered = companions(
            &app,
            &[Environment::Blue],
            &surroundings,
            &LivePorts::default(),
        );
        assert_eq!(check(&app).is_err(), rendered.is_err());
        rendered
    }

    fn objects(companions: &Companions) -> Vec<Value> {
        let mut all: Vec<_> = companions
            .service_accounts
            .iter()
            .map(|o| json!(o))
            .collect();
        all.extend(companions.disruption_budgets.iter().map(|o| json!(o)));
        all.extend(companions.network_policies.iter().map(|o| json!(o)));
        all.extend(companions.ingress.iter().map(|o| json!(o)));
        all.extend(companions.resource_quota.iter().map(|o| json!(o)));
        all.extend(companions.third_party.iter().map(|o| json!(o.object)));
        all
    }

    fn names(companions: &Companions) -> Vec<String> {
        let name = |o: &Value| format!("{} {}", o["kind"], o["metadata"]["name"]).replace('"', "");
        objects(companions).iter().map(name).collect()
    }

    #[test]
    fn an_application_has_the_companions_that_it_asks_for() {
        insta::assert_yaml_snapshot!(names(&rendered(SPEC).unwrap()));
        assert_eq!(
            names(&rendered(r#"{"image": "a", "view": {}}"#).unwrap()),
            ["ServiceAccount orders", "NetworkPolicy orders-view"]
        );
    }

    #[test]
    fn every_companion_belongs_to_its_application() {
        let companions = rendered(SPEC).unwrap();
        let mut seen = BTreeSet::new();
        for (object, name) in objects(&companions).iter().zip(names(&companions)) {
            let metadata = &object["metadata"];
            assert_eq!(metadata["namespace"], "shop", "{name}");
            assert_eq!(metadata["ownerReferences"][0]["uid"], "0000-1111", "{name}");
            let label = &metadata["labels"]["app.kubernetes.io/managed-by"];
            assert_eq!(label, "restapi-operator", "{name}");
            assert!(seen.insert(name.clone()), "{name} is there twice");
        }
    }

    #[test]
    fn what_can_t_be_made_keeps_the_others_from_being_made_halfway() {
        let spec = r#"{"image": "a", "view": {"port": 0}, "ingress": {}}"#;
        assert_eq!(rendered(spec).unwrap_err().field, "spec.ingress.routes");
    }
}
