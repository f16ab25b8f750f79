//! What the Lease object says, and the changes we make to it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

/// A Lease as it was read, or as it came back from our own write.
#[derive(Clone, Debug)]
pub(super) struct Record(Lease);

impl From<Lease> for Record {
    fn from(lease: Lease) -> Self {
        Self(lease)
    }
}

impl Record {
    /// Who holds it; `None` when it is free.
    pub(super) fn holder(&self) -> Option<&str> {
        self.spec()?
            .holder_identity
            .as_deref()
            .filter(|holder| !holder.is_empty())
    }

    /// How long it must stay unchanged before it may be taken; `fallback` when it does not say.
    pub(super) fn duration(&self, fallback: Duration) -> Duration {
        let seconds = self.spec().and_then(|spec| spec.lease_duration_seconds);
        seconds
            .and_then(|s| u64::try_from(s).ok())
            .map_or(fallback, Duration::from_secs)
    }

    /// How often it has changed hands.
    pub(super) fn transitions(&self) -> u64 {
        let transitions = self.spec().and_then(|spec| spec.lease_transitions);
        transitions
            .and_then(|t| u64::try_from(t).ok())
            .unwrap_or_default()
    }

    /// Changes with every write.
    pub(super) fn version(&self) -> Option<&str> {
        self.0.metadata.resource_version.as_deref()
    }

    /// A Lease that does not exist yet, held by `identity`.
    pub(super) fn first(name: &str, identity: &str, duration: Duration, now: Timestamp) -> Lease {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
        let empty = Lease {
            metadata,
            ..Lease::default()
        };
        Record(empty).taken(identity, duration, now)
    }

    /// The same Lease, taken by `identity`.
    pub(super) fn taken(&self, identity: &str, duration: Duration, now: Timestamp) -> Lease {
        self.changed(|spec| {
            spec.holder_identity = Some(identity.to_owned());
            spec.lease_duration_seconds = Some(whole_seconds(duration));
            spec.acquire_time = Some(MicroTime(now));
            spec.renew_time = Some(MicroTime(now));
            spec.lease_transitions =
                Some(spec.lease_transitions.unwrap_or_default().saturating_add(1));
        })
    }

    /// The same Lease, renewed by its holder.
    pub(super) fn renewed(&self, now: Timestamp) -> Lease {
        self.changed(|spec| spec.renew_time = Some(MicroTime(now)))
    }

    /// The same Lease, free for anybody at once.
    pub(super) fn released(&self, now: Timestamp) -> Lease {
        self.changed(|spec| {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(now));
        })
    }

    fn changed(&self, change: impl FnOnce(&mut LeaseSpec)) -> Lease {
        let mut lease = self.0.clone();
        lease.metadata.managed_fields = None;
        change(lease.spec.get_or_insert_default());
        lease
    }

    fn spec(&self) -> Option<&LeaseSpec> {
        self.0.spec.as_ref()
    }
}

/// The API takes whole seconds; the arguments allow nothing else.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
