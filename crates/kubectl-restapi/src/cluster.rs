//! The API server, as one person uses it.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Patch, PatchParams};
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client, Config, Resource};
use restapi_types::RestAPI;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use crate::args::Place;
use crate::failure::Failure;

/// For one request as a whole, and for connecting: people wait for it.
const REQUEST: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(5);

/// Who owns the annotations that are set here.
const FIELD_MANAGER: &str = "kubectl-restapi";

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// It was done.
    Done,
    /// Somebody else wrote in between, so nothing was done.
    Conflict,
}

/// The API server, and the namespace that is meant where none is named.
pub struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    /// Reads the kubeconfig; nothing is sent yet.
    ///
    /// # Errors
    /// When it is not there or can't be used.
    pub async fn connect(place: &Place) -> Result<Self, Failure> {
        let options = KubeConfigOptions {
            context: place.context.clone(),
            ..KubeConfigOptions::default()
        };
        let mut config = match &place.kubeconfig {
            Some(path) => {
                Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?
            }
            None if place.context.is_some() => Config::from_kubeconfig(&options).await?,
            // In a pod, its service account.
            None => Config::infer().await?,
        };
        // The library's own repeats take up to 164 seconds.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        let namespace = place.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        let client = ClientBuilder::try_from(config)?.build();
        Ok(Self { client, namespace })
    }

    /// The objects of a kind in that namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The objects of a kind in another namespace.
    #[must_use]
    pub fn api_in<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The namespace that is meant where none is named.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// All RestAPIs: of the namespace, or of all.
    #[must_use]
    pub fn restapis(&self, everywhere: bool) -> Api<RestAPI> {
        if everywhere {
            Api::all(self.client.clone())
        } else {
            self.api()
        }
    }

    /// One `RestAPI`.
    ///
    /// # Errors
    /// When it is not there, or the API server does not answer.
    pub async fn restapi(&self, name: &str) -> Result<RestAPI, Failure> {
        bounded(self.api::<RestAPI>().get(name)).await
    }

    /// Changes a `RestAPI`'s annotations, if it is still as it was read: `patch` names its `resourceVersion`.
    ///
    /// # Errors
    /// When the API server refuses it or does not answer.
    pub async fn annotate(&self, name: &str, patch: &Value) -> Result<Written, Failure> {
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let api = self.api::<RestAPI>();
        let sent = timeout(REQUEST, api.patch(name, &params, &Patch::Merge(patch))).await;
        match sent.map_err(|_| silent())? {
            Ok(_) => Ok(Written::Done),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Written::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks at a `RestAPI` each time that it changes until `look` finds something; nothing if it does not by `end`.
    ///
    /// # Errors
    /// When it is not there any more, and those of `look`. What can't be reached for a while is no error: it is why
    /// one waits.
    pub async fn until<T>(
        &self,
        name: &str,
        end: Instant,
        mut look: impl FnMut(&RestAPI) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        let mut seen = pin!(watch_object(self.api::<RestAPI>(), name).default_backoff());
        while let Ok(Some(event)) = timeout_at(end, seen.next()).await {
            match event {
                Ok(Some(restapi)) => {
                    if let Some(found) = look(&restapi)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None) => return Err(Failure::Cluster(format!("RestAPI {name} is not there"))),
                Err(_) => {}
            }
        }
        Ok(None)
    }
}

/// The answer to a request, within its time.
///
/// # Errors
/// When the API server refuses it or does not answer.
pub async fn bounded<T>(
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Failure> {
    let answer = timeout(REQUEST, request).await;
    Ok(answer.map_err(|_| silent())??)
}

fn silent() -> Failure {
    let seconds = REQUEST.as_secs();
    Failure::Cluster(format!(
        "no complete answer from the API server within {seconds} s"
    ))
}
