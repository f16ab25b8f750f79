//! The ConfigMaps and Secrets that pods refer to: what they hold is a part of the revision.
//!
//! Of ConfigMaps every change is seen on a watch of their metadata, and the content is read again. Secrets
//! are read by name, since RBAC can't tell a watch of their metadata from one of their content; so a change
//! is seen [`SECRETS_AGE`] later, unless the manager was given the right to watch them.

mod content;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use kube::{Client, Resource, ResourceExt as _};
use manager_kit::random;
use manager_kit::tracker::Owner;
use restapi_resources::references::{Reference, ReferenceKind};
use restapi_resources::{Application, canonical, references};
use restapi_types::ComponentName;
use serde_json::json;

use self::content::Content;
use self::store::{Key, Store};

/// How old what was read of a Secret may be where Secrets are not watched. With the spread of
/// [`Config::read_again`] a change is seen within 50 seconds.
pub const SECRETS_AGE: Duration = Duration::from_secs(40);

/// Over how long reading again is spread, so that it does not come at once for all applications.
const SPREAD: Duration = Duration::from_secs(8);

/// What the pods of an application refer to, as it is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The hash of everything that a component's pods refer to, of those that refer to anything.
    hashes: BTreeMap<ComponentName, String>,
    /// What a component's pods need and what can't be had, in words, with the fix.
    missing: BTreeMap<ComponentName, String>,
    /// When to read Secrets again.
    pub read_again: Option<Duration>,
}

impl Config {
    /// The hash of everything that the pods of `component` refer to.
    #[must_use]
    pub fn hash(&self, component: ComponentName) -> Option<String> {
        self.hashes.get(&component).cloned()
    }

    /// What the pods of `component` need and what can't be had, in words, with the fix.
    #[must_use]
    pub fn missing(&self, component: ComponentName) -> Option<&str> {
        self.missing.get(&component).map(String::as_str)
    }

    /// The world in which `component` lacks something.
    #[cfg(any(test, feature = "fixtures"))]
    #[must_use]
    pub fn lacking(component: ComponentName, what: &str) -> Self {
        Self {
            missing: BTreeMap::from([(component, what.to_owned())]),
            ..Self::default()
        }
    }
}

/// What is known of the ConfigMaps and Secrets that applications refer to. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct References {
    store: Arc<Mutex<Store>>,
    watches_secrets: bool,
}

impl References {
    /// With or without a watch on Secrets.
    #[must_use]
    pub fn new(watches_secrets: bool) -> Self {
        Self {
            store: Arc::default(),
            watches_secrets,
        }
    }

    /// Notes an event of a watch; returns the applications that refer to the object.
    #[must_use]
    pub fn changed<K>(&self, kind: ReferenceKind, event: &Event<PartialObjectMeta<K>>) -> Vec<Owner>
    where
        PartialObjectMeta<K>: Resource,
    {
        let (object, version) = match event {
            Event::InitApply(object) | Event::Apply(object) => (object, object.resource_version()),
            Event::Delete(object) => (object, None),
            Event::Init | Event::InitDone => return Vec::new(),
        };
        let key = Key {
            kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        };
        self.lock().changed(&key, version.as_deref())
    }

    /// Has everything read again that an application refers to.
    pub fn read_anew(&self, owner: &Owner) {
        self.lock().outdate(owner);
    }

    /// Forgets what an application that is gone referred to.
    pub fn forget(&self, owner: &Owner) {
        self.lock().refers(owner, BTreeSet::new());
    }

    /// What the pods of `app` refer to.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn read(
        &self,
        client: &Client,
        owner: &Owner,
        app: &Application,
    ) -> Result<Config, kube::Error> {
        let wanted: BTreeMap<_, _> = app
            .components
            .iter()
            .map(|component| (component.name, references::references(app, component)))
            .filter(|(_, references)| !references.is_empty())
            .collect();
        let key = |reference: &Reference| Key {
            kind: reference.kind,
            namespace: owner.0.clone(),
            name: reference.name.clone(),
        };
        let keys = wanted.values().flatten().map(key).collect();
        self.lock().refers(owner, keys);
        let mut config = Config::default();
        for (component, references) in wanted {
            let mut found = Vec::new();
            for reference in &references {
                let content = self.content(client, key(reference)).await?;
                if let Some(lack) = content.lack(reference, component) {
                    config.missing.entry(component).or_insert(lack);
                }
                found.push(json!([
                    reference.kind.as_str(),
                    reference.name,
                    content.hash()
                ]));
                let again = self.read_again(&key(reference), Instant::now());
                config.read_again = [config.read_again, again].into_iter().flatten().min();
            }
            let hash = canonical::hash(&found.into());
            config.hashes.insert(component, hash);
        }
        Ok(config)
    }

    /// What an object holds: as it was read last, if that is sure to be new enough, or read now.
    async fn content(&self, client: &Client, key: Key) -> Result<Content, kube::Error> {
        let oldest = self.lags(key.kind).then_some(SECRETS_AGE);
        let (known, changes) = self.lock().known(&key, oldest, Instant::now());
        if let Some(known) = known {
            return Ok(known);
        }
        let content = content::read(client, &key).await?;
        self.lock()
            .learned(&key, content.clone(), changes, Instant::now());
        Ok(content)
    }

    /// When an object has to be read again, of those whose changes are not seen otherwise.
    fn read_again(&self, key: &Key, now: Instant) -> Option<Duration> {
        let age = self.lags(key.kind).then(|| self.lock().age(key, now))?;
        let left = SECRETS_AGE.saturating_sub(age.unwrap_or_default());
        Some(left + random::jitter(SPREAD))
    }

    /// Whether changes of a kind are only seen by reading again.
    fn lags(&self, kind: ReferenceKind) -> bool {
        kind == ReferenceKind::Secret && !self.watches_secrets
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
