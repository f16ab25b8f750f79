//! The watch of the kind that a manager reconciles, with its store.

use std::fmt::Debug;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, future};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

pub(crate) use super::stored::Stored;
use super::{Guarded, InvalidObject, Watch};
use crate::context::Context;
use crate::metrics::tally::Tally;

/// The watched objects and the store they are in; given to [`crate::runner::run`].
pub struct Main<K: Resource<DynamicType = ()> + Clone + 'static> {
    pub(crate) stream: BoxStream<'static, Stored<K>>,
    store: MainStore<K>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Main<K> {
    /// A reader of the store; cheap to clone.
    #[must_use]
    pub fn store(&self) -> MainStore<K> {
        self.store.clone()
    }
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Debug for Main<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Main")
            .field("kind", &K::kind(&()))
            .finish_non_exhaustive()
    }
}

/// All objects of the main kind that are known, packed: each is decoded when it is asked for. Filled only
/// while [`crate::runner::run`] runs.
pub struct MainStore<K: Resource<DynamicType = ()> + Clone + 'static> {
    pub(crate) inner: Store<Stored<K>>,
    /// Whether the first list is complete. Not the store's own `wait_until_ready`: that wakes only
    /// the one who asked last, and the controller asks too.
    complete: watch::Receiver<bool>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Clone for MainStore<K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            complete: self.complete.clone(),
        }
    }
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Debug for MainStore<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MainStore")
            .field("objects", &self.inner.len())
            .finish_non_exhaustive()
    }
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> MainStore<K> {
    /// The object, if it is known and decodes.
    #[must_use]
    pub fn get(&self, object: &ObjectRef<K>) -> Option<Arc<K>>
    where
        K: DeserializeOwned,
    {
        self.stored(object)?.open().valid().cloned()
    }

    /// What is known of the object, if it exists but does not decode.
    #[must_use]
    pub fn get_invalid(&self, object: &ObjectRef<K>) -> Option<Arc<InvalidObject>>
    where
        K: DeserializeOwned,
    {
        match self.stored(object)?.open() {
            Guarded::Valid(_) => None,
            Guarded::Invalid(invalid) => Some(invalid),
        }
    }

    /// All objects that decode, in no order.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<K>>
    where
        K: DeserializeOwned,
    {
        let stored = self.inner.state();
        stored
            .iter()
            .filter_map(|object| object.open().valid().cloned())
            .collect()
    }

    /// How many objects there are, those that do not decode included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether there is no object at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Completes when the first list is complete; at once from then on.
    pub async fn ready(&self) {
        let mut complete = self.complete.clone();
        if complete.wait_for(|complete| *complete).await.is_err() {
            // The watch is gone, so it never becomes ready; whoever runs it reports that.
            future::pending::<()>().await;
        }
    }

    fn stored(&self, object: &ObjectRef<K>) -> Option<Arc<Stored<K>>> {
        self.inner.get(&stored_ref(object.clone()))
    }
}

/// The same reference, to the object as the store holds it.
pub(crate) fn stored_ref<K>(object: ObjectRef<K>) -> ObjectRef<Stored<K>>
where
    K: Resource<DynamicType = ()> + Clone,
{
    object.into_kind_unchecked(())
}

/// Watches the kind that the manager reconciles.
///
/// `crd` is the name of its definition, such as `restapis.restapi.dev`: while it is not installed,
/// the gate `PLURAL-crd` says so, and the watch starts by itself once it is. Every change of an
/// object triggers, also of its status, because managers wait for each other's conditions; and so
/// does its deletion. Stored objects lack `managedFields`, which are half their size.
#[must_use]
pub fn main_stream<K>(ctx: &Context, api: Api<Guarded<K>>, config: Config, crd: &str) -> Main<K>
where
    K: Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + Debug
        + Send
        + Sync
        + 'static,
{
    tallied_main_stream(ctx, api, config, crd, Vec::new())
}

/// The same, and keeps `tallies` of what is watched.
#[must_use]
pub fn tallied_main_stream<K>(
    ctx: &Context,
    api: Api<Guarded<K>>,
    config: Config,
    crd: &str,
    tallies: Vec<Tally<K>>,
) -> Main<K>
where
    K: Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Serialize
        + Debug
        + Send
        + Sync
        + 'static,
{
    let (store, mut writer) = reflector::store::<Stored<K>>();
    let (completed, complete) = watch::channel(false);
    let objects = Watch::new(ctx, api, &(), config, Some(crd))
        .events()
        .filter_map(move |event| {
            for tally in &tallies {
                tally.note(&event);
            }
            let event = stored(event);
            // First the store, so that whoever is triggered finds what triggered it.
            writer.apply_watcher_event(&event);
            if matches!(event, Event::InitDone) {
                completed.send_replace(true);
            }
            future::ready(match event {
                Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
                    Some(object)
                }
                Event::Init | Event::InitDone => None,
            })
        });
    Main {
        stream: objects.boxed(),
        store: MainStore {
            inner: store,
            complete,
        },
    }
}

fn stored<K>(event: Event<Guarded<K>>) -> Event<Stored<K>>
where
    K: Resource<DynamicType = ()> + Clone + Serialize,
{
    let pack = |mut object: Guarded<K>| {
        object.meta_mut().managed_fields = None;
        Stored::new(object)
    };
    match event {
        Event::Apply(object) => Event::Apply(pack(object)),
        Event::Delete(object) => Event::Delete(pack(object)),
        Event::InitApply(object) => Event::InitApply(pack(object)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}
