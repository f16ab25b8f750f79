//! Caches of owned objects, indexed by owner.
//!
//! The owner is found by the label `app.kubernetes.io/instance`, so that a reconcile reads what belongs to
//! its object without looking at what belongs to others. An object that lost its labels leaves the cache,
//! like one that was deleted: the owner is told, and finds it when it tries to create it again.
//!
//! Objects are kept packed, and are decoded each time they are read.

mod index;

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures::{Stream, StreamExt as _, stream};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt as _};
use restapi_types::keys;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::SetOnce;

use self::index::{Changed, Index};

use crate::packed::Packed;
use crate::tracker::{Owner, Version};

/// The objects of one kind by owner. Clones share them.
pub struct Cache<K> {
    objects: Arc<RwLock<Index>>,
    synced: Arc<SetOnce<()>>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            objects: Arc::clone(&self.objects),
            synced: Arc::clone(&self.synced),
            kind: PhantomData,
        }
    }
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            objects: Arc::default(),
            synced: Arc::default(),
            kind: PhantomData,
        }
    }
}

impl<K> std::fmt::Debug for Cache<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = std::any::type_name::<K>();
        f.debug_struct("Cache")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

impl<K> Cache<K> {
    /// The objects of `owner`, by name.
    #[must_use]
    pub fn of(&self, owner: &Owner) -> Vec<Arc<K>>
    where
        K: Resource + DeserializeOwned,
    {
        // Decoded after the lock is gone.
        let packed = self.read().of(owner);
        let decoded = packed.into_iter().filter_map(|(name, packed)| {
            match packed.unpack::<K>(&owner.0, &name) {
                Ok(object) => Some(Arc::new(object)),
                // As if it were hidden from the cache: who creates it finds that it exists, and reads it.
                Err(error) => {
                    let kind = std::any::type_name::<K>();
                    tracing::error!(kind, namespace = owner.0, %name, %error, "a cached object is lost");
                    None
                }
            }
        });
        decoded.collect()
    }

    /// The state in which the cache has one object of `owner`.
    #[must_use]
    pub fn version(&self, owner: &Owner, name: &str) -> Option<Version> {
        self.read().version(owner, name)
    }

    /// Whether the first list is complete. Before that, nothing may be concluded from what is not there.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.synced.initialized()
    }

    /// Completes when the first list is complete.
    pub async fn synced(&self) {
        self.synced.wait().await;
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
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

/// Keeps `cache` up to date with `events` and yields each owner to whom something is new: deletions as
/// well. A new version of an object that says the same is nothing new: what `events` leaves out of objects
/// tells nobody anything. `managedFields` are dropped: they are half of an object's size.
///
/// Nobody is told of the first list: who reads the cache waits until it is [`Cache::synced`].
///
/// A list that is repeated replaces objects one by one, so that there are never two copies of everything.
pub fn feed<K>(cache: Cache<K>, events: impl Stream<Item = Event<K>>) -> impl Stream<Item = Owner>
where
    K: Resource + Serialize,
{
    let mut list = 0;
    events.flat_map(move |event| stream::iter(note(&cache, &mut list, event)))
}

fn note<K>(cache: &Cache<K>, list: &mut u32, event: Event<K>) -> BTreeSet<Owner>
where
    K: Resource + Serialize,
{
    match event {
        Event::Init => *list = list.wrapping_add(1),
        Event::InitApply(object) => {
            let told = put(cache, object, *list);
            if cache.is_synced() {
                return told;
            }
        }
        Event::InitDone => {
            let gone = cache.write().take_unseen(*list);
            // An error says that it was synced before.
            let _ = cache.synced.set(());
            return gone.into_iter().collect();
        }
        Event::Apply(object) => return put(cache, object, *list),
        Event::Delete(object) => return take(cache, &object).into_iter().collect(),
    }
    BTreeSet::new()
}

/// Puts an object in; returns to whom that is news.
fn put<K: Resource + Serialize>(cache: &Cache<K>, mut object: K, list: u32) -> BTreeSet<Owner> {
    object.meta_mut().managed_fields = None;
    let Some(owner) = owner_of(&object) else {
        return take(cache, &object).into_iter().collect();
    };
    let name = object.name_any();
    let packed = match Packed::new(object) {
        Ok(packed) => packed,
        Err(error) => {
            tracing::error!(namespace = owner.0, name, %error, "an object can't be cached");
            return BTreeSet::new();
        }
    };
    let Changed { left, news } = cache.write().put(&owner, &name, packed, list);
    left.into_iter().chain(news.then_some(owner)).collect()
}

/// Takes an object out, whatever its labels say now; returns whose it was.
fn take<K: Resource>(cache: &Cache<K>, object: &K) -> Option<Owner> {
    let meta = object.meta();
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let uid = meta.uid.as_deref().unwrap_or_default();
    cache.write().take(namespace, &object.name_any(), uid)
}

fn owner_of<K: Resource>(object: &K) -> Option<Owner> {
    let instance = object.meta().labels.as_ref()?.get(keys::INSTANCE)?;
    Some((object.meta().namespace.clone()?, instance.clone()))
}

#[cfg(test)]
mod tests;
