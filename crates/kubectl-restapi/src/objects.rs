//! What there is of one application, as the API server has it.

use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::ListParams;
use restapi_types::{RestAPI, keys};
use serde::de::DeserializeOwned;

use crate::cluster::{Cluster, bounded};
use crate::failure::Failure;

/// What there is of one application.
#[derive(Clone, Debug)]
pub struct Objects {
    /// What its author wrote, and what the managers say.
    pub restapi: Arc<RestAPI>,
    /// The records of its revisions.
    pub records: Vec<Arc<ControllerRevision>>,
    /// Workloads.
    pub deployments: Vec<Arc<Deployment>>,
    /// Workloads with a claim per replica.
    pub stateful_sets: Vec<Arc<StatefulSet>>,
    /// The pods of both environments.
    pub pods: Vec<Arc<Pod>>,
}

impl Objects {
    /// Reads them once.
    ///
    /// # Errors
    /// When there is no such `RestAPI`, or the API server does not answer.
    pub async fn read(cluster: &Cluster, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            restapi: Arc::new(cluster.restapi(name).await?),
            records: shared(records(cluster, name).await?),
            deployments: shared(list(cluster, &parts_of(name)).await?),
            stateful_sets: shared(list(cluster, &parts_of(name)).await?),
            pods: shared(list(cluster, &parts_of(name)).await?),
        })
    }
}

/// Selects the records of an application's revisions. StatefulSets have records too, without that label.
#[must_use]
pub fn records_of(name: &str) -> String {
    format!("{}={name},{}", keys::INSTANCE, keys::REVISION)
}

/// Selects an application's workloads and pods.
#[must_use]
pub fn parts_of(name: &str) -> String {
    let (instance, by) = (keys::INSTANCE, keys::MANAGED_BY);
    format!("{instance}={name},{by}={}", keys::MANAGED_BY_VALUE)
}

/// The records of an application's revisions.
///
/// # Errors
/// When the API server does not answer.
pub async fn records(cluster: &Cluster, name: &str) -> Result<Vec<ControllerRevision>, Failure> {
    list(cluster, &records_of(name)).await
}

async fn list<K>(cluster: &Cluster, labels: &str) -> Result<Vec<K>, Failure>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api = cluster.api::<K>();
    let params = ListParams::default().labels(labels);
    Ok(bounded(api.list(&params)).await?.items)
}

fn shared<K>(objects: Vec<K>) -> Vec<Arc<K>> {
    objects.into_iter().map(Arc::new).collect()
}
