//! Reads the world of one application into one value. Writes nothing.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use kube::api::Api;
use kube::{Client, Resource, ResourceExt as _};
use manager_kit::cache::{Cache, version};
use manager_kit::tracker::{Echoes, Owner, Target, Tracker, Version};
use manager_kit::watch::InvalidObject;
use restapi_types::{RestAPI, RestAPISpec};
use serde::de::DeserializeOwned;

/// The caches of everything that core-reconciler owns or reads, besides the `RestAPI`s.
#[derive(Clone, Default)]
pub struct Caches {
    /// Deployments.
    pub deployments: Cache<Deployment>,
    /// Services.
    pub services: Cache<Service>,
    /// `ServiceAccounts`.
    pub service_accounts: Cache<ServiceAccount>,
    /// `ControllerRevisions`.
    pub revisions: Cache<ControllerRevision>,
    /// Pods: read only, for what they say about failures.
    pub pods: Cache<Pod>,
}

impl Caches {
    fn are_synced(&self) -> bool {
        self.deployments.is_synced()
            && self.services.is_synced()
            && self.service_accounts.is_synced()
            && self.revisions.is_synced()
            && self.pods.is_synced()
    }
}

/// How soon to look again while the first lists are not complete.
const FIRST_LISTS: Duration = Duration::from_millis(50);

/// Everything that a plan is made from.
#[derive(Clone, Debug)]
pub struct World {
    /// The application.
    pub restapi: Arc<RestAPI>,
    /// Its Deployments, whoever owns them.
    pub deployments: Vec<Arc<Deployment>>,
    /// Its Services, whoever owns them.
    pub services: Vec<Arc<Service>>,
    /// Its `ServiceAccounts`, whoever owns them.
    pub service_accounts: Vec<Arc<ServiceAccount>>,
    /// Its `ControllerRevisions`, whoever owns them.
    pub revisions: Vec<Arc<ControllerRevision>>,
    /// Its pods.
    pub pods: Vec<Arc<Pod>>,
}

impl World {
    /// The world of an object that can't be read as a `RestAPI`: nothing but its name.
    #[must_use]
    pub fn of_invalid(invalid: &InvalidObject) -> Self {
        let restapi = RestAPI {
            metadata: invalid.metadata.clone(),
            spec: RestAPISpec::default(),
            status: None,
        };
        Self {
            restapi: Arc::new(restapi),
            deployments: Vec::new(),
            services: Vec::new(),
            service_accounts: Vec::new(),
            revisions: Vec::new(),
            pods: Vec::new(),
        }
    }
}

impl World {
    /// Whether an object has no controlling owner.
    fn has_orphans(&self) -> bool {
        fn any<K: Resource>(objects: &[Arc<K>]) -> bool {
            let is_owned = |o: &Arc<K>| {
                o.owner_references()
                    .iter()
                    .any(|r| r.controller == Some(true))
            };
            objects.iter().any(|object| !is_owned(object))
        }
        any(&self.deployments)
            || any(&self.services)
            || any(&self.service_accounts)
            || any(&self.revisions)
    }
}

/// What there is to see.
#[derive(Debug)]
pub enum Observed {
    /// The world, not older than our own last write.
    World(Box<World>),
    /// The caches don't show our own last write yet: come back after that time.
    Stale(Duration),
    /// The application is gone, which the cache does not show yet.
    Gone,
}

/// The namespace and name of a `RestAPI`.
#[must_use]
pub fn owner(restapi: &RestAPI) -> Owner {
    (restapi.namespace().unwrap_or_default(), restapi.name_any())
}

/// Reads the world of `restapi`: from the caches, and live where an own write has not come back in time.
///
/// # Errors
/// When a live read fails.
pub async fn observe(
    client: &Client,
    caches: &Caches,
    tracker: &Tracker,
    restapi: Arc<RestAPI>,
) -> Result<Observed, kube::Error> {
    if !caches.are_synced() {
        return Ok(Observed::Stale(FIRST_LISTS));
    }
    let owner = owner(&restapi);
    let in_caches = |target: &Target| cached(caches, &owner, &restapi, target);
    let overdue = match tracker.check(&owner, std::time::Instant::now(), in_caches) {
        Echoes::Seen => Vec::new(),
        Echoes::Awaited(wait) => return Ok(Observed::Stale(wait)),
        Echoes::Overdue(targets) => targets,
    };
    let live = Live {
        client,
        namespace: &owner.0,
        overdue: &overdue,
    };
    let mut world = World {
        deployments: live.refresh(caches.deployments.of(&owner)).await?,
        services: live.refresh(caches.services.of(&owner)).await?,
        service_accounts: live.refresh(caches.service_accounts.of(&owner)).await?,
        revisions: live.refresh(caches.revisions.of(&owner)).await?,
        pods: caches.pods.of(&owner),
        restapi: Arc::clone(&restapi),
    };
    let newest = if world.has_orphans() {
        // Somebody took the owner references away, or deletes the RestAPI and keeps what it owns. Only the
        // API server knows which; giving an object back to a RestAPI that is going would delete it.
        live.get(&owner.1).await?
    } else {
        live.refresh(vec![restapi]).await?.pop()
    };
    let Some(newest) = newest else {
        return Ok(Observed::Gone);
    };
    world.restapi = newest;
    Ok(Observed::World(Box::new(world)))
}

/// The state in which the caches have an object that was written for `owner`.
fn cached(caches: &Caches, owner: &Owner, restapi: &RestAPI, target: &Target) -> Option<Version> {
    match target.kind.as_str() {
        "Deployment" => caches.deployments.version(owner, &target.name),
        "Service" => caches.services.version(owner, &target.name),
        "ServiceAccount" => caches.service_accounts.version(owner, &target.name),
        "ControllerRevision" => caches.revisions.version(owner, &target.name),
        _ => Some(version(restapi)),
    }
}

/// Reads what the caches are late with.
struct Live<'a> {
    client: &'a Client,
    namespace: &'a str,
    overdue: &'a [Target],
}

impl Live<'_> {
    /// The cached objects with those of the overdue targets replaced by what exists now.
    async fn refresh<K>(&self, mut cached: Vec<Arc<K>>) -> Result<Vec<Arc<K>>, kube::Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let kind = K::kind(&());
        for target in self.overdue.iter().filter(|target| target.kind == kind) {
            cached.retain(|object| object.name_any() != target.name);
            cached.extend(self.get(&target.name).await?);
        }
        Ok(cached)
    }

    /// One object as it is now.
    async fn get<K>(&self, name: &str) -> Result<Option<Arc<K>>, kube::Error>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), self.namespace);
        Ok(api.get_opt(name).await?.map(Arc::new))
    }
}
