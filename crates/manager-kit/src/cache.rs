//! Caches of owned objects, indexed by owner.
//!
//! The owner is found by the label `app.kubernetes.io/instance`, so that a reconcile reads what belongs to
//! its object without looking at what belongs to others. An object that lost its labels leaves the cache,
//! like one that was deleted: the owner is told, and finds it when it tries to create it again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use futures::{Stream, StreamExt as _, stream};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt as _};
use restapi_types::keys;

use crate::tracker::{Owner, Version};

type Objects<K> = HashMap<Owner, BTreeMap<String, Arc<K>>>;

/// The objects of one kind by owner. Clones share them.
#[derive(Debug)]
pub struct Cache<K> {
    objects: Arc<RwLock<Objects<K>>>,
    synced: Arc<AtomicBool>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            objects: Arc::clone(&self.objects),
            synced: Arc::clone(&self.synced),
        }
    }
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            objects: Arc::default(),
            synced: Arc::default(),
        }
    }
}

impl<K: Resource<DynamicType = ()>> Cache<K> {
    /// The objects of `owner`, by name.
    #[must_use]
    pub fn of(&self, owner: &Owner) -> Vec<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects
            .get(owner)
            .map(|named| named.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The state in which the cache has one object of `owner`.
    #[must_use]
    pub fn version(&self, owner: &Owner, name: &str) -> Option<Version> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects
            .get(owner)?
            .get(name)
            .map(|object| version(object.as_ref()))
    }

    /// Whether the first list is complete. Before that, nothing may be concluded from what is not there.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Objects<K>> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The uid and resource version of an object that was read from the API server.
#[must_use]
pub fn version<K: Resource>(object: &K) -> Version {
    Version {
        uid: object.meta().uid.clone().unwrap_or_default(),
        resource_version: object.meta().resource_version.clone().unwrap_or_default(),
    }
}

/// Keeps `cache` up to date with `events` and yields each owner whose objects changed: deletions as well.
/// `managedFields` are dropped: they are half of an object's size.
pub fn feed<K>(cache: Cache<K>, events: impl Stream<Item = Event<K>>) -> impl Stream<Item = Owner>
where
    K: Resource<DynamicType = ()> + Send + Sync + 'static,
{
    let mut relist = Objects::new();
    events.flat_map(move |event| {
        let changed = note(
            &cache,
            &mut relist,
            event.modify(|o| o.meta_mut().managed_fields = None),
        );
        stream::iter(changed)
    })
}

fn note<K: Resource<DynamicType = ()>>(
    cache: &Cache<K>,
    relist: &mut Objects<K>,
    event: Event<K>,
) -> BTreeSet<Owner> {
    match event {
        Event::Init => relist.clear(),
        Event::InitApply(object) => insert(relist, object),
        Event::InitDone => {
            let mut objects = cache.write();
            let owners = objects.keys().chain(relist.keys()).cloned().collect();
            *objects = std::mem::take(relist);
            cache.synced.store(true, Ordering::Release);
            return owners;
        }
        Event::Apply(object) => {
            let owner = owner_of(&object);
            // An object whose label moved it to another owner has left the first.
            let left = remove(&mut cache.write(), &object);
            insert(&mut cache.write(), object);
            return left.into_iter().chain(owner).collect();
        }
        Event::Delete(object) => return remove(&mut cache.write(), &object).into_iter().collect(),
    }
    BTreeSet::new()
}

fn owner_of<K: Resource>(object: &K) -> Option<Owner> {
    let instance = object.meta().labels.as_ref()?.get(keys::INSTANCE)?;
    Some((object.meta().namespace.clone()?, instance.clone()))
}

fn insert<K: Resource>(objects: &mut Objects<K>, object: K) {
    if let Some(owner) = owner_of(&object) {
        objects
            .entry(owner)
            .or_default()
            .insert(object.name_any(), Arc::new(object));
    }
}

/// Removes an object by uid under the owner that its labels name, or, when these have changed, under
/// whichever owner has it.
fn remove<K: Resource>(objects: &mut Objects<K>, object: &K) -> Option<Owner> {
    let name = object.name_any();
    let namespace = object.meta().namespace.clone().unwrap_or_default();
    let holds = |named: &BTreeMap<String, Arc<K>>| {
        named
            .get(&name)
            .is_some_and(|o| o.meta().uid == object.meta().uid)
    };
    let owner = owner_of(object)
        .filter(|owner| objects.get(owner).is_some_and(&holds))
        .or_else(|| {
            objects
                .iter()
                .find(|(o, named)| o.0 == namespace && holds(named))
                .map(|(o, _)| o.clone())
        })?;
    let named = objects.get_mut(&owner)?;
    named.remove(&name);
    if named.is_empty() {
        objects.remove(&owner);
    }
    Some(owner)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    use super::*;

    fn service(name: &str, instance: &str, uid: &str) -> Service {
        serde_json::from_value(json!({"metadata": {
            "name": name, "namespace": "shop", "uid": uid, "resourceVersion": "1",
            "labels": {"app.kubernetes.io/instance": instance},
        }}))
        .unwrap()
    }

    fn owner(name: &str) -> Owner {
        ("shop".into(), name.into())
    }

    async fn fed(events: Vec<Event<Service>>) -> (Cache<Service>, Vec<Owner>) {
        let cache = Cache::default();
        let changed = feed(cache.clone(), stream::iter(events)).collect().await;
        (cache, changed)
    }

    #[tokio::test]
    async fn deletions_are_told_and_relists_forget_what_is_gone() {
        let (cache, changed) = fed(vec![
            Event::Init,
            Event::InitApply(service("a", "one", "1")),
            Event::InitApply(service("b", "two", "2")),
            Event::InitDone,
            Event::Delete(service("b", "two", "2")),
            Event::Init,
            Event::InitApply(service("c", "three", "3")),
            Event::InitDone,
        ])
        .await;
        assert_eq!(changed, ["one", "two", "two", "one", "three"].map(owner));
        assert!(cache.is_synced());
        assert!(cache.of(&owner("one")).is_empty() && cache.of(&owner("two")).is_empty());
        assert_eq!(cache.version(&owner("three"), "c").unwrap().uid, "3");
    }

    #[tokio::test]
    async fn an_object_that_moves_to_another_owner_leaves_the_first() {
        let (cache, changed) = fed(vec![
            Event::Apply(service("a", "one", "1")),
            Event::Apply(service("a", "two", "1")),
        ])
        .await;
        assert_eq!(changed, ["one", "one", "two"].map(owner));
        assert!(cache.of(&owner("one")).is_empty());
        assert_eq!(cache.of(&owner("two")).len(), 1);
    }

    #[tokio::test]
    async fn a_late_delete_of_a_predecessor_does_not_remove_its_successor() {
        let (cache, changed) = fed(vec![
            Event::Apply(service("a", "one", "2")),
            Event::Delete(service("a", "one", "1")),
        ])
        .await;
        assert_eq!(changed, [owner("one")]);
        assert_eq!(cache.version(&owner("one"), "a").unwrap().uid, "2");
    }
}
