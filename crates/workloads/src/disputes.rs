//! Fields that somebody else writes again and again.
//!
//! Drift is put back at once. But where another controller writes the same field too, putting it back is no
//! repair but a fight that nobody wins. After three times in a minute the object is left as it is for a while, and
//! status names the field and the writer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject};
use kube::discovery::ApiResource;
use kube::{Client, ResourceExt as _};
use manager_kit::tracker::{Owner, Target};

use crate::plan::Drift;

/// How often a field may be put back within [`WINDOW`].
const REPAIRS: usize = 3;
const WINDOW: Duration = Duration::from_mins(1);

/// How long an object is left alone before it is tried again.
pub const TRUCE: Duration = Duration::from_mins(10);

/// The repairs of one field, the latest last, and the generation that they were for.
#[derive(Debug, Default)]
struct Repairs {
    at: Vec<Instant>,
    generation: i64,
    truce_until: Option<Instant>,
}

type Field = (Owner, Target, String);

/// What was put back lately.
#[derive(Debug, Default)]
pub struct Disputes {
    repairs: Mutex<HashMap<Field, Repairs>>,
}

impl Disputes {
    /// The drift that must not be put back at `now`, because it was too often. A change of the spec ends every
    /// truce.
    pub fn disputed(
        &self,
        owner: &Owner,
        generation: i64,
        drift: &[Drift],
        now: Instant,
    ) -> Vec<Drift> {
        let mut repairs = self.lock();
        let disputed = drift.iter().filter(|drift| {
            let repairs = repairs.get_mut(&field(owner, drift));
            repairs.is_some_and(|repairs| repairs.are_too_many(generation, now))
        });
        disputed.cloned().collect()
    }

    /// Notes drift that was put back at `now`. One that was to be put back and was not, because somebody else
    /// wrote the object at the same time, does not count: the deployment controller writes often.
    pub fn put_back(&self, owner: &Owner, generation: i64, drift: &[Drift], now: Instant) {
        if drift.is_empty() {
            return;
        }
        let mut repairs = self.lock();
        repairs.retain(|_, r| r.is_remembered(now));
        for drift in drift {
            let repairs = repairs.entry(field(owner, drift)).or_default();
            repairs.of_generation(generation).at.push(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Field, Repairs>> {
        self.repairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Repairs {
    fn is_remembered(&self, now: Instant) -> bool {
        let recent = self
            .at
            .last()
            .is_some_and(|at| now.saturating_duration_since(*at) < WINDOW);
        recent || self.truce_until.is_some_and(|until| now < until)
    }

    /// Begins anew where the spec has changed.
    fn of_generation(&mut self, generation: i64) -> &mut Self {
        if self.generation != generation {
            *self = Self {
                generation,
                ..Self::default()
            };
        }
        self
    }

    fn are_too_many(&mut self, generation: i64, now: Instant) -> bool {
        let this = self.of_generation(generation);
        if this.truce_until.is_some_and(|until| now < until) {
            return true;
        }
        this.at
            .retain(|at| now.saturating_duration_since(*at) < WINDOW);
        let too_many = this.at.len() >= REPAIRS;
        if too_many {
            this.truce_until = Some(now + TRUCE);
            this.at.clear();
        }
        too_many
    }
}

fn field(owner: &Owner, drift: &Drift) -> Field {
    (owner.clone(), drift.target.clone(), drift.field.clone())
}

/// The field manager, other than ours, that last wrote to an object; for people.
///
/// # Errors
/// When the object can't be read.
pub async fn writer(
    client: &Client,
    namespace: &str,
    resource: &ApiResource,
    name: &str,
) -> Result<String, kube::Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, resource);
    let found = api.get_opt(name).await?;
    let manager = found.as_ref().and_then(last_foreign_manager);
    Ok(manager.unwrap_or_else(|| "somebody".to_owned()))
}

fn last_foreign_manager(object: &DynamicObject) -> Option<String> {
    let managers = object.managed_fields().iter();
    let foreign = managers.filter(|entry| {
        let name = entry.manager.as_deref().unwrap_or_default();
        !name.starts_with("restapi-") && entry.subresource.as_deref() != Some("status")
    });
    let last = foreign.max_by_key(|entry| entry.time.as_ref().map(|t| t.0))?;
    last.manager.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner() -> Owner {
        ("shop".into(), "orders".into())
    }

    fn drift(name: &str, field: &str) -> Drift {
        Drift {
            target: Target {
                kind: "Service".to_owned(),
                name: name.to_owned(),
            },
            field: field.to_owned(),
        }
    }

    #[test]
    fn the_fourth_repair_of_a_field_within_a_minute_is_none() {
        let (disputes, start) = (Disputes::default(), Instant::now());
        let drift = [drift("orders-view", "spec.type")];
        let is_disputed = |seconds, generation| {
            let now = start + Duration::from_secs(seconds);
            let left = disputes.disputed(&owner(), generation, &drift, now);
            if left.is_empty() {
                disputes.put_back(&owner(), generation, &drift, now);
            }
            !left.is_empty()
        };
        assert!(!is_disputed(0, 1) && !is_disputed(10, 1) && !is_disputed(20, 1));
        assert!(is_disputed(30, 1), "the fourth time");
        assert!(is_disputed(400, 1), "and for a while");
        assert!(!is_disputed(401, 2), "a new spec is tried");
        assert!(!is_disputed(2000, 2));
    }

    #[test]
    fn what_was_not_put_back_does_not_count() {
        let (disputes, now) = (Disputes::default(), Instant::now());
        let drift = [drift("orders-view", "spec.type")];
        for _ in 0..9 {
            assert_eq!(disputes.disputed(&owner(), 1, &drift, now), []);
        }
    }

    #[test]
    fn repairs_that_are_far_apart_are_no_dispute() {
        let (disputes, start) = (Disputes::default(), Instant::now());
        let drift = [drift("orders-view", "spec.type")];
        for minute in 0..9 {
            let now = start + WINDOW * minute;
            assert_eq!(disputes.disputed(&owner(), 1, &drift, now), []);
            disputes.put_back(&owner(), 1, &drift, now);
        }
    }

    #[test]
    fn the_last_foreign_writer_is_named() {
        let entry = |manager: &str, time: &str, subresource: Option<&str>| json!({"manager": manager, "time": time, "subresource": subresource, "operation": "Update"});
        let object: DynamicObject = serde_json::from_value(json!({"metadata": {"managedFields": [
            entry("helm", "2026-01-01T00:00:00Z", None),
            entry("argocd", "2026-01-02T00:00:00Z", None),
            entry("kube-controller-manager", "2026-01-03T00:00:00Z", Some("status")),
            entry("restapi-workloads", "2026-01-04T00:00:00Z", None),
        ]}}))
        .unwrap();
        assert_eq!(last_foreign_manager(&object).as_deref(), Some("argocd"));
    }
}
