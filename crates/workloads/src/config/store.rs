//! Who refers to what, and what was last read of it.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use manager_kit::tracker::Owner;
use restapi_resources::references::ReferenceKind;

use super::content::Content;

/// One ConfigMap or Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) kind: ReferenceKind,
    pub(super) namespace: String,
    pub(super) name: String,
}

#[derive(Debug, Default)]
struct Entry {
    owners: BTreeSet<Owner>,
    /// How often the object has changed, as far as was seen.
    changes: u64,
    /// What it held, how often it had changed before it was read, and when that was.
    known: Option<(Content, u64, Instant)>,
}

/// Objects that somebody refers to, and nothing of any other.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: HashMap<Key, Entry>,
    by_owner: HashMap<Owner, BTreeSet<Key>>,
}

impl Store {
    /// `owner` refers to `keys` and nothing else.
    pub(super) fn refers(&mut self, owner: &Owner, keys: BTreeSet<Key>) {
        let before = if keys.is_empty() {
            self.by_owner.remove(owner)
        } else {
            self.by_owner.insert(owner.clone(), keys.clone())
        };
        for key in before.unwrap_or_default().difference(&keys) {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.owners.remove(owner);
                if entry.owners.is_empty() {
                    self.entries.remove(key);
                }
            }
        }
        for key in keys {
            let entry = self.entries.entry(key).or_default();
            entry.owners.insert(owner.clone());
        }
    }

    /// What `owner` refers to may have changed.
    pub(super) fn outdate(&mut self, owner: &Owner) {
        for key in self.by_owner.get(owner).into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.changes += 1;
            }
        }
    }

    /// The object is now in that version, or gone; returns who refers to it, unless it was read in just
    /// that version.
    pub(super) fn changed(&mut self, key: &Key, version: Option<&str>) -> Vec<Owner> {
        let Some(entry) = self.entries.get_mut(key) else {
            return Vec::new();
        };
        let is_known = entry.known.as_ref().is_some_and(|(c, ..)| c.is_of(version));
        if is_known {
            return Vec::new();
        }
        entry.changes += 1;
        entry.owners.iter().cloned().collect()
    }

    /// What the object holds, unless it has changed since it was read or that is longer ago than `oldest`;
    /// and how often it has changed so far.
    pub(super) fn known(
        &self,
        key: &Key,
        oldest: Option<Duration>,
        now: Instant,
    ) -> (Option<Content>, u64) {
        let Some(entry) = self.entries.get(key) else {
            return (None, 0);
        };
        let known = entry.known.as_ref().filter(|(_, changes, at)| {
            let age = now.saturating_duration_since(*at);
            *changes == entry.changes && oldest.is_none_or(|oldest| age < oldest)
        });
        (known.map(|(content, ..)| content.clone()), entry.changes)
    }

    /// How long ago the object was read.
    pub(super) fn age(&self, key: &Key, now: Instant) -> Option<Duration> {
        let (.., at) = self.entries.get(key)?.known.as_ref()?;
        Some(now.saturating_duration_since(*at))
    }

    /// The object was read after it had changed `changes` times.
    pub(super) fn learned(&mut self, key: &Key, content: Content, changes: u64, now: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.known = Some((content, changes, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_secs(50);

    fn owner(name: &str) -> Owner {
        ("shop".into(), name.into())
    }

    fn key(name: &str) -> Key {
        Key {
            kind: ReferenceKind::ConfigMap,
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    fn content(version: &str) -> Content {
        Content::Found {
            hash: format!("hash-{version}"),
            version: version.into(),
        }
    }

    fn store() -> Store {
        let mut store = Store::default();
        store.refers(&owner("one"), BTreeSet::from([key("a"), key("b")]));
        store.refers(&owner("two"), BTreeSet::from([key("a")]));
        store
    }

    #[test]
    fn a_change_tells_those_who_refer_to_it_and_is_read_again() {
        let (mut store, now) = (store(), Instant::now());
        store.learned(&key("a"), content("1"), 0, now);
        assert_eq!(store.known(&key("a"), None, now).0, Some(content("1")));
        assert_eq!(
            store.changed(&key("a"), Some("1")),
            [],
            "read in this version"
        );
        assert_eq!(
            store.changed(&key("a"), Some("2")),
            [owner("one"), owner("two")]
        );
        assert_eq!(store.known(&key("a"), None, now), (None, 1));
        assert_eq!(
            store.changed(&key("c"), Some("1")),
            [],
            "nobody refers to it"
        );
    }

    #[test]
    fn what_changed_while_it_was_read_is_read_again() {
        let (mut store, now) = (store(), Instant::now());
        let (_, changes) = store.known(&key("a"), None, now);
        store.changed(&key("a"), Some("2"));
        store.learned(&key("a"), content("1"), changes, now);
        assert_eq!(store.known(&key("a"), None, now).0, None);
    }

    #[test]
    fn what_is_not_watched_is_read_again_after_a_while() {
        let (mut store, now) = (store(), Instant::now());
        store.learned(&key("a"), content("1"), 0, now);
        assert!(store.known(&key("a"), Some(LAG), now).0.is_some());
        assert!(store.known(&key("a"), Some(LAG), now + LAG).0.is_none());
    }

    #[test]
    fn what_nobody_refers_to_is_forgotten() {
        let mut store = store();
        store.refers(&owner("one"), BTreeSet::new());
        assert_eq!(store.entries.len(), 1);
        store.refers(&owner("two"), BTreeSet::new());
        assert!(store.entries.is_empty() && store.by_owner.is_empty());
    }
}
