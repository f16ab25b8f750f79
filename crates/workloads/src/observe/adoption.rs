//! Reads what others have where an application takes a Service over. None of it is watched: it is looked at
//! while an adoption is under way, and by applications that ask for one.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};
use kube::discovery::ApiResource;
use kube::{Client, ResourceExt as _};
use restapi_types::{ComponentName, Environment, RestAPI, names};

use super::Live;
use crate::adoption::{Adoption, Endpoints, Record, Request};
use crate::world::Objects;

/// The label by which an `EndpointSlice` names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

impl Live<'_> {
    /// Puts the Services that `restapi` asks to take over, and that the cache does not show because nobody has
    /// labelled them yet, among the objects.
    pub(super) async fn put_foreign(
        &self,
        restapi: &RestAPI,
        objects: &mut Objects,
    ) -> Result<(), kube::Error> {
        let request = Request::of(restapi).unwrap_or_default();
        for name in stable_names(restapi, &request) {
            if objects.get("Service", &name).is_some() {
                continue;
            }
            let resource = ApiResource::erase::<Service>(&());
            if let Some(service) = self.get(&resource, &name).await? {
                objects.put("Service", Arc::new(service));
            }
        }
        Ok(())
    }

    /// What there is of others, while a Service among `objects` is being taken over.
    pub(super) async fn adoption(
        &self,
        restapi: &RestAPI,
        objects: &Objects,
        at: Timestamp,
    ) -> Result<Option<Arc<Adoption>>, kube::Error> {
        let app = restapi.name_any();
        let components = restapi.spec.components();
        let open = components.iter().map(|(name, _)| *name).filter(|name| {
            let service = objects.get("Service", &names::stable(&app, *name));
            let record = service.and_then(|service| Record::on(service));
            record.is_some_and(|record| record.is_open())
        });
        let services: Vec<_> = open.flat_map(|name| services_of(&app, name)).collect();
        if services.is_empty() {
            return Ok(None);
        }
        let everything = ListParams::default();
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), self.namespace);
        let all: Api<Service> = Api::namespaced(self.client.clone(), self.namespace);
        Ok(Some(Arc::new(Adoption {
            at,
            endpoints: endpoints(self.client, self.namespace, &services).await?,
            deployments: deployments.list(&everything).await?.items,
            services: all.list(&everything).await?.items,
        })))
    }
}

/// The stable Services of the components that are asked for.
fn stable_names(restapi: &RestAPI, request: &Request) -> Vec<String> {
    let app = restapi.name_any();
    let components = restapi.spec.components().into_iter();
    components
        .filter(|(name, _)| request.includes(*name))
        .map(|(name, _)| names::stable(&app, name))
        .collect()
}

/// The names of all Services of a component.
fn services_of(app: &str, component: ComponentName) -> [String; 3] {
    let coloured = |environment| names::coloured(app, component, environment);
    [
        names::stable(app, component),
        coloured(Environment::Blue),
        coloured(Environment::Green),
    ]
}

/// What is behind each of these Services.
async fn endpoints(
    client: &Client,
    namespace: &str,
    services: &[String],
) -> Result<BTreeMap<String, Endpoints>, kube::Error> {
    let api: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let of_them = format!("{SERVICE_NAME} in ({})", services.join(","));
    let slices = api.list(&ListParams::default().labels(&of_them)).await?;
    let mut found: BTreeMap<String, Endpoints> = BTreeMap::new();
    for slice in &slices.items {
        let Some(service) = slice.labels().get(SERVICE_NAME) else {
            continue;
        };
        let behind = found.entry(service.clone()).or_default();
        for endpoint in &slice.endpoints {
            let ready = endpoint.conditions.as_ref().and_then(|c| c.ready);
            // Absent means ready.
            if ready != Some(false) {
                behind.ready.extend(endpoint.addresses.iter().cloned());
            }
            behind.all.extend(endpoint.addresses.iter().cloned());
        }
    }
    Ok(found)
}
