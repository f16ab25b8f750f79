//! Own writes that the caches have not seen yet.
//!
//! Between a write and its echo on the watch, a cache shows the world before the write; a manager that
//! plans on it does things twice. So an owner is skipped until the caches have seen what was written for
//! it, the idea of KEP-5647. After [`PATIENCE`] without an echo, a live read decides: the object may have
//! been deleted in between, and then no echo comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an echo is waited for.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// From how many owners on those are looked for that are gone, and after how long they count as gone.
const MANY: usize = 4096;
const FORGOTTEN: Duration = Duration::from_mins(1);

/// The object on whose behalf something was written: namespace and name.
pub type Owner = (String, String);

/// One object, within an owner's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// Which object, in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

impl Version {
    /// Whether this is `other` or a later state of the same object. Resource versions of one kind are
    /// numbers that grow (guaranteed since Kubernetes 1.35, true before).
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        let number = |v: &Self| v.resource_version.parse::<u64>().ok();
        self.uid == other.uid && number(self) >= number(other)
    }
}

/// What to do about an owner's outstanding echoes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echoes {
    /// The caches show everything that was written.
    Seen,
    /// They do not yet: come back after that time, if no echo comes before.
    Awaited(Duration),
    /// They did not in time: read these live.
    Overdue(Vec<Target>),
}

#[derive(Clone, Debug)]
enum Expectation {
    Written(Version),
    Deleted {
        uid: String,
    },
    /// The cache is known not to show this object.
    Hidden,
}

type Outstanding = HashMap<Target, (Expectation, Instant)>;

/// The outstanding echoes of all owners. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    owners: Arc<Mutex<HashMap<Owner, Outstanding>>>,
}

impl Tracker {
    /// `target` was written for `owner` and is now at `version`.
    pub fn written(&self, owner: &Owner, target: Target, version: Version) {
        self.expect(owner, target, Expectation::Written(version));
    }

    /// `target` with that uid was deleted for `owner`.
    pub fn deleted(&self, owner: &Owner, target: Target, uid: String) {
        self.expect(owner, target, Expectation::Deleted { uid });
    }

    /// `target` exists although the cache does not show it: it is read live next time.
    pub fn hidden(&self, owner: &Owner, target: Target) {
        self.expect(owner, target, Expectation::Hidden);
    }

    /// Compares what is outstanding for `owner` with what `cached` shows, at `now`. What is overdue is
    /// forgotten: the caller reads it live.
    pub fn check(
        &self,
        owner: &Owner,
        now: Instant,
        cached: impl Fn(&Target) -> Option<Version>,
    ) -> Echoes {
        let mut owners = self.lock();
        let Some(outstanding) = owners.get_mut(owner) else {
            return Echoes::Seen;
        };
        outstanding
            .retain(|target, (expectation, _)| !is_seen(expectation, cached(target).as_ref()));
        let due = |(expectation, since): &(Expectation, Instant)| match expectation {
            Expectation::Hidden => Duration::ZERO,
            _ => PATIENCE.saturating_sub(now.saturating_duration_since(*since)),
        };
        match outstanding.values().map(due).min() {
            None => {
                owners.remove(owner);
                Echoes::Seen
            }
            Some(Duration::ZERO) => {
                let mut overdue: Vec<_> = outstanding
                    .iter()
                    .filter(|(_, e)| due(e).is_zero())
                    .map(|(t, _)| t.clone())
                    .collect();
                overdue.sort();
                outstanding.retain(|target, _| !overdue.contains(target));
                Echoes::Overdue(overdue)
            }
            Some(wait) => Echoes::Awaited(wait),
        }
    }

    fn expect(&self, owner: &Owner, target: Target, expectation: Expectation) {
        let now = Instant::now();
        let mut owners = self.lock();
        if owners.len() >= MANY {
            // Owners that are gone are never checked again.
            owners.retain(|_, o| {
                o.values()
                    .any(|(_, since)| now.saturating_duration_since(*since) < FORGOTTEN)
            });
        }
        owners
            .entry(owner.clone())
            .or_default()
            .insert(target, (expectation, now));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Owner, Outstanding>> {
        // A panic while the lock was held leaves a map that is still a map.
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_seen(expectation: &Expectation, cached: Option<&Version>) -> bool {
    match expectation {
        Expectation::Written(version) => cached.is_some_and(|cached| cached.includes(version)),
        Expectation::Deleted { uid } => cached.is_none_or(|cached| cached.uid != *uid),
        Expectation::Hidden => cached.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        ("shop".into(), "orders".into())
    }

    fn target() -> Target {
        Target {
            kind: "Service".into(),
            name: "orders-view".into(),
        }
    }

    fn version(uid: &str, resource_version: &str) -> Version {
        Version {
            uid: uid.into(),
            resource_version: resource_version.into(),
        }
    }

    #[test]
    fn an_own_write_is_awaited_until_the_cache_shows_it_or_something_later() {
        let tracker = Tracker::default();
        tracker.written(&owner(), target(), version("a", "10"));
        let now = Instant::now();
        let old = tracker.check(&owner(), now, |_| Some(version("a", "9")));
        assert!(matches!(old, Echoes::Awaited(wait) if wait <= PATIENCE));
        assert_eq!(
            tracker.check(&owner(), now, |_| Some(version("a", "11"))),
            Echoes::Seen
        );
        assert_eq!(tracker.check(&owner(), now, |_| None), Echoes::Seen);
    }

    #[test]
    fn without_an_echo_a_live_read_decides_once() {
        let tracker = Tracker::default();
        tracker.written(&owner(), target(), version("a", "10"));
        let later = Instant::now() + PATIENCE;
        assert_eq!(
            tracker.check(&owner(), later, |_| None),
            Echoes::Overdue(vec![target()])
        );
        assert_eq!(tracker.check(&owner(), later, |_| None), Echoes::Seen);
    }

    #[test]
    fn a_delete_is_seen_when_the_object_is_gone_or_another_one() {
        let tracker = Tracker::default();
        tracker.deleted(&owner(), target(), "a".into());
        let now = Instant::now();
        assert!(matches!(
            tracker.check(&owner(), now, |_| Some(version("a", "9"))),
            Echoes::Awaited(_)
        ));
        assert_eq!(
            tracker.check(&owner(), now, |_| Some(version("b", "12"))),
            Echoes::Seen
        );
    }

    #[test]
    fn a_hidden_object_is_read_at_once() {
        let tracker = Tracker::default();
        tracker.hidden(&owner(), target());
        assert_eq!(
            tracker.check(&owner(), Instant::now(), |_| None),
            Echoes::Overdue(vec![target()])
        );
    }
}
