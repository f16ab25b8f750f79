//! Differences that are none: the API server stores some values otherwise than they are written.
//!
//! Most such values are known, and compared as equal. But parts of a pod template are in Kubernetes' own form,
//! and no table of what may stand there is ever complete. Where writing what is desired changes nothing, the
//! difference is remembered and not written again; else it would be written at every look, and be called a
//! dispute with nobody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use manager_kit::tracker::{Owner, Target};

use crate::plan::{Drift, Plan};
use crate::world::World;

/// How long it is remembered: a write that changes nothing once an hour does no harm.
const REMEMBERED: Duration = Duration::from_hours(1);

/// A difference, and the state of the object in which it is none.
#[derive(Debug)]
struct Difference {
    field: String,
    state: String,
    seen: Instant,
}

/// The differences that are known to be none.
#[derive(Debug, Default)]
pub struct Alike {
    known: Mutex<HashMap<(Owner, Target), Difference>>,
}

impl Alike {
    /// Takes out of the plan what is known to be as it should be.
    pub fn skip(&self, owner: &Owner, world: &World, plan: &mut Plan) {
        let known = self.lock();
        if known.is_empty() {
            return;
        }
        let is_known = |drift: &&Drift| {
            let found = known.get(&(owner.clone(), drift.target.clone()));
            found.is_some_and(|known| {
                known.field == drift.field && Some(&known.state) == state(world, drift).as_ref()
            })
        };
        let alike: Vec<_> = plan.drift.iter().filter(is_known).cloned().collect();
        for drift in alike {
            plan.skip(&drift.target);
        }
    }

    /// Remembers, and takes out of the plan's drift, that writing these objects changed nothing.
    pub fn note(
        &self,
        owner: &Owner,
        world: &World,
        plan: &mut Plan,
        unchanged: &[Target],
        now: Instant,
    ) {
        let was_none = |drift: &mut Drift| unchanged.contains(&drift.target);
        let found: Vec<_> = plan.drift.extract_if(.., was_none).collect();
        if found.is_empty() {
            return;
        }
        let mut known = self.lock();
        known.retain(|_, known| now.saturating_duration_since(known.seen) < REMEMBERED);
        for drift in found {
            if let Some(state) = state(world, &drift) {
                let (field, seen) = (drift.field, now);
                let difference = Difference { field, state, seen };
                known.insert((owner.clone(), drift.target), difference);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Owner, Target), Difference>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of an object as far as the difference goes: the generation, which stays the same while only the
/// object's status changes, where the kind has one.
fn state(world: &World, drift: &Drift) -> Option<String> {
    let meta = &world
        .objects
        .get(&drift.target.kind, &drift.target.name)?
        .metadata;
    match meta.generation {
        Some(generation) => Some(format!("generation {generation}")),
        None => meta.resource_version.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;
    use crate::fixtures::restapi;

    const FIELD: &str = "spec.template.spec.containers.proxy.readinessProbe.periodSeconds";

    fn owner() -> Owner {
        ("shop".into(), "orders".into())
    }

    fn target() -> Target {
        Target {
            kind: "Deployment".to_owned(),
            name: "orders-view-blue".to_owned(),
        }
    }

    fn seen(generation: i64) -> World {
        let restapi = restapi(&json!({"image": "a", "view": {}}));
        let mut world = World::empty(Arc::new(restapi));
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": target().name, "generation": generation},
        }))
        .unwrap();
        world.objects.put("Deployment", Arc::new(object));
        world
    }

    fn drifting(field: &str) -> Plan {
        Plan {
            drift: vec![Drift {
                target: target(),
                field: field.to_owned(),
            }],
            ..Plan::default()
        }
    }

    fn is_skipped(alike: &Alike, generation: i64, field: &str) -> bool {
        let mut plan = drifting(field);
        alike.skip(&owner(), &seen(generation), &mut plan);
        plan.drift.is_empty()
    }

    #[test]
    fn a_difference_is_none_in_the_state_in_which_writing_changed_nothing() {
        let (alike, mut plan) = (Alike::default(), drifting(FIELD));
        assert!(!is_skipped(&alike, 3, FIELD));
        alike.note(&owner(), &seen(3), &mut plan, &[target()], Instant::now());
        assert!(plan.drift.is_empty(), "nobody changed anything");
        assert!(is_skipped(&alike, 3, FIELD));
        assert!(!is_skipped(&alike, 4, FIELD), "somebody changed it");
        assert!(
            !is_skipped(&alike, 3, "metadata.labels.a"),
            "another difference"
        );
    }

    #[test]
    fn what_was_changed_back_stays_drift() {
        let (alike, mut plan) = (Alike::default(), drifting(FIELD));
        alike.note(&owner(), &seen(3), &mut plan, &[], Instant::now());
        assert_eq!(plan, drifting(FIELD));
        assert!(!is_skipped(&alike, 3, FIELD));
    }
}
