//! The packed objects of one kind, by namespace, name and owner.

use std::collections::HashMap;
use std::sync::Arc;

use crate::packed::Packed;
use crate::tracker::{Owner, Version};

/// The objects of one kind.
#[derive(Debug, Default)]
pub(super) struct Index {
    namespaces: HashMap<String, Namespace>,
}

/// The objects of one kind in one namespace.
#[derive(Debug, Default)]
struct Namespace {
    objects: HashMap<Arc<str>, Entry>,
    /// The names of the objects of each owner.
    owners: HashMap<Arc<str>, Vec<Arc<str>>>,
}

#[derive(Debug)]
struct Entry {
    owner: Arc<str>,
    packed: Packed,
    /// The list that the object was seen in last, or after.
    list: u32,
}

/// What an object's arrival changed, by owner.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// The owner that had the object before and has it no more.
    pub(super) left: Option<Owner>,
    /// Whether the owner that has it now sees something new.
    pub(super) news: bool,
}

impl Index {
    /// Puts the object `name` of `owner` in, seen in or after list number `list`.
    pub(super) fn put(&mut self, owner: &Owner, name: &str, packed: Packed, list: u32) -> Changed {
        let (namespace, instance) = owner;
        let all = self.namespaces.entry(namespace.clone()).or_default();
        if let Some(entry) = all.objects.get_mut(name)
            && *entry.owner == **instance
        {
            let news = !entry.packed.says_the_same(&packed);
            (entry.packed, entry.list) = (packed, list);
            return Changed { left: None, news };
        }
        let left = all
            .remove(name)
            .map(|entry| (namespace.clone(), entry.owner.to_string()));
        all.insert(instance, name, packed, list);
        Changed { left, news: true }
    }

    /// Takes the object `name` out, if it is the one of that uid; returns whose it was.
    pub(super) fn take(&mut self, namespace: &str, name: &str, uid: &str) -> Option<Owner> {
        let all = self.namespaces.get_mut(namespace)?;
        if !all.objects.get(name)?.packed.is(uid) {
            return None;
        }
        let entry = all.remove(name)?;
        if all.objects.is_empty() {
            self.namespaces.remove(namespace);
        }
        Some((namespace.to_owned(), entry.owner.to_string()))
    }

    /// Takes out what was not seen in list number `list` or after; returns whose it was.
    pub(super) fn take_unseen(&mut self, list: u32) -> Vec<Owner> {
        let mut owners = Vec::new();
        self.namespaces.retain(|namespace, all| {
            let unseen = all.objects.iter().filter(|(_, entry)| entry.list != list);
            let unseen: Vec<_> = unseen.map(|(name, _)| Arc::clone(name)).collect();
            for name in unseen {
                if let Some(entry) = all.remove(&name) {
                    owners.push((namespace.clone(), entry.owner.to_string()));
                }
            }
            !all.objects.is_empty()
        });
        owners
    }

    /// The objects of `owner` with their names, by name.
    pub(super) fn of(&self, owner: &Owner) -> Vec<(Arc<str>, Packed)> {
        let (namespace, instance) = owner;
        let Some(all) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let names = all.owners.get(instance.as_str()).into_iter().flatten();
        names
            .filter_map(|name| Some((Arc::clone(name), all.objects.get(name)?.packed.clone())))
            .collect()
    }

    /// The state of the object `name` of `owner`.
    pub(super) fn version(&self, owner: &Owner, name: &str) -> Option<Version> {
        let (namespace, instance) = owner;
        let entry = self.namespaces.get(namespace)?.objects.get(name)?;
        (*entry.owner == **instance).then(|| entry.packed.version())
    }
}

impl Namespace {
    fn insert(&mut self, instance: &str, name: &str, packed: Packed, list: u32) {
        let name: Arc<str> = name.into();
        let known = self.owners.get_key_value(instance);
        let owner = known.map_or_else(|| instance.into(), |(owner, _)| Arc::clone(owner));
        let names = self.owners.entry(Arc::clone(&owner)).or_default();
        if let Err(place) = names.binary_search(&name) {
            // Most owners have a few objects of a kind: room for more would be most of what they take.
            names.reserve_exact(1);
            names.insert(place, Arc::clone(&name));
        }
        let entry = Entry {
            owner,
            packed,
            list,
        };
        self.objects.insert(name, entry);
    }

    fn remove(&mut self, name: &str) -> Option<Entry> {
        let entry = self.objects.remove(name)?;
        if let Some(names) = self.owners.get_mut(&entry.owner) {
            names.retain(|other| **other != *name);
            if names.is_empty() {
                self.owners.remove(&entry.owner);
            }
        }
        Some(entry)
    }
}
