//! Reads the world of one application into one value. Writes nothing.

mod adoption;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use kube::{Client, ResourceExt as _};
use manager_kit::cache::{Cache, version};
use manager_kit::tracker::{Echoes, Owner, Target, Tracker, Version};
use manager_kit::watch::Served;
use restapi_resources::Application;
use restapi_types::RestAPI;

use crate::autoscalers::Autoscalers;
use crate::config::{Config, References};
use crate::kinds::OwnedKind;
use crate::plan::history;
use crate::world::{Objects, World};

/// The objects of one owned kind, as known.
#[derive(Clone)]
pub struct Owned {
    /// Which kind.
    pub kind: OwnedKind,
    /// Its objects.
    pub cache: Cache<DynamicObject>,
    /// Whether the cluster has the kind, where it may lack it.
    pub served: Option<Served>,
}

/// The caches of everything that core-reconciler owns or reads, besides the `RestAPI`s.
#[derive(Clone, Default)]
pub struct Caches {
    /// What it owns, by kind.
    pub owned: Vec<Owned>,
    /// Pods: read only, for what they say about failures, and for what live ones use.
    pub pods: Cache<Pod>,
    /// Whose replicas are decided by somebody else.
    pub autoscalers: Autoscalers,
    /// The ConfigMaps and Secrets that pods refer to.
    pub references: References,
}

impl Caches {
    /// Completes when all first lists are complete.
    pub async fn synced(&self) {
        for owned in &self.owned {
            owned.cache.synced().await;
        }
        self.pods.synced().await;
        self.autoscalers.synced().await;
    }

    /// The state in which the caches have an object that was written for `owner`.
    fn version(&self, owner: &Owner, restapi: &RestAPI, target: &Target) -> Option<Version> {
        let mut kinds = self.owned.iter();
        match kinds.find(|kind| kind.kind.resource.kind == target.kind) {
            Some(of_kind) => of_kind.cache.version(owner, &target.name),
            None => Some(version(restapi)),
        }
    }

    fn served(&self) -> BTreeSet<String> {
        let served = self.owned.iter().filter(|owned| {
            let served = owned.served.as_ref();
            served.is_some_and(Served::is_served)
        });
        served
            .map(|owned| owned.kind.resource.kind.clone())
            .collect()
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

/// Reads the world of `restapi` as it is `now`: from the caches, and live where an own write has not come back in
/// time, or where a Service of others is taken over.
///
/// # Errors
/// When a live read fails.
pub async fn observe(
    client: &Client,
    caches: &Caches,
    tracker: &Tracker,
    restapi: Arc<RestAPI>,
    now: Timestamp,
) -> Result<Observed, kube::Error> {
    let owner = owner(&restapi);
    let in_caches = |target: &Target| caches.version(&owner, &restapi, target);
    let overdue = match tracker.check(&owner, Instant::now(), in_caches) {
        Echoes::Seen => Vec::new(),
        Echoes::Awaited(wait) => return Ok(Observed::Stale(wait)),
        Echoes::Overdue(targets) => targets,
    };
    let live = Live {
        client,
        namespace: &owner.0,
    };
    let mut world = World::empty(Arc::clone(&restapi));
    world.objects = live.objects(caches, &owner, &overdue).await?;
    world.pods = caches.pods.of(&owner);
    world.autoscaled = caches.autoscalers.of(&owner.0);
    world.served = caches.served();
    live.put_foreign(&restapi, &mut world.objects).await?;
    // Somebody took the owner references away, or deletes the RestAPI and keeps what it owns. Only the API
    // server knows which; giving an object back to a RestAPI that is going would delete it.
    if world.has_orphans() || overdue.iter().any(|target| target.kind == "RestAPI") {
        match live.restapi(&owner.1).await? {
            Some(newest) => world.restapi = newest,
            None => return Ok(Observed::Gone),
        }
    }
    world.adoption = live.adoption(&world.restapi, &world.objects, now).await?;
    let app = Application::resolve(&world.restapi);
    world.config = match &app {
        Ok(app) => caches.references.read(client, &owner, app).await?,
        Err(_) => Config::default(),
    };
    let app = app.map(|app| app.pinned(|component| world.config.hash(component.name)));
    world.app = app.map(|app| history::recorded(app, &world.objects));
    Ok(Observed::World(Box::new(world)))
}

/// Reads what the caches are late with.
struct Live<'a> {
    client: &'a Client,
    namespace: &'a str,
}

impl Live<'_> {
    /// The cached objects with those of the overdue targets replaced by what exists now.
    async fn objects(
        &self,
        caches: &Caches,
        owner: &Owner,
        overdue: &[Target],
    ) -> Result<Objects, kube::Error> {
        let mut objects = Objects::default();
        for owned in &caches.owned {
            let resource = &owned.kind.resource;
            for object in owned.cache.of(owner) {
                objects.put(&resource.kind, object);
            }
            for target in overdue.iter().filter(|t| t.kind == resource.kind) {
                objects.take(target);
                if let Some(object) = self.get(resource, &target.name).await? {
                    objects.put(&resource.kind, Arc::new(object));
                }
            }
        }
        Ok(objects)
    }

    /// One object as it is now, without what caches leave out as well.
    async fn get(
        &self,
        resource: &ApiResource,
        name: &str,
    ) -> Result<Option<DynamicObject>, kube::Error> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), self.namespace, resource);
        let mut object = api.get_opt(name).await?;
        if let Some(object) = &mut object {
            object.metadata.managed_fields = None;
        }
        Ok(object)
    }

    async fn restapi(&self, name: &str) -> Result<Option<Arc<RestAPI>>, kube::Error> {
        let api: Api<RestAPI> = Api::namespaced(self.client.clone(), self.namespace);
        Ok(api.get_opt(name).await?.map(Arc::new))
    }
}
