//! What of each object this process has told already: spans, events. Whoever comes after it tells it again.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::tracker::Owner;

/// The ids of what was told, by object. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Told<Id> {
    by_object: Arc<Mutex<HashMap<Owner, HashSet<Id>>>>,
}

impl<Id> Default for Told<Id> {
    fn default() -> Self {
        Self {
            by_object: Arc::default(),
        }
    }
}

impl<Id: Eq + Hash> Told<Id> {
    /// Notes that all of `now` is told of an object, and returns what was before: what is in both was told already. What
    /// is not in `now` any more is forgotten.
    pub(crate) fn replace(&self, owner: &Owner, now: HashSet<Id>) -> HashSet<Id> {
        let mut by_object = self.lock();
        let before = if now.is_empty() {
            by_object.remove(owner)
        } else {
            by_object.insert(owner.clone(), now)
        };
        before.unwrap_or_default()
    }

    /// Forgets an object that does not exist any more.
    pub(crate) fn forget(&self, owner: &Owner) {
        self.lock().remove(owner);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, HashSet<Id>>> {
        self.by_object
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_no_more_takes_no_memory() {
        let told = Told::default();
        let owner = ("shop".to_owned(), "orders".to_owned());
        assert!(told.replace(&owner, HashSet::from([1])).is_empty());
        assert_eq!(told.replace(&owner, HashSet::from([1, 2])).len(), 1);
        assert_eq!(told.replace(&owner, HashSet::new()).len(), 2);
        assert!(told.lock().is_empty());
        told.replace(&owner, HashSet::from([1]));
        told.forget(&owner);
        assert!(told.lock().is_empty());
    }
}
