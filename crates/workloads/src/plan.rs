//! What is to be written for an application, and the rules that every plan keeps, whoever makes it. Pure.

pub mod adopt;
pub mod claims;
pub mod compare;
pub mod desired;
pub mod held;
pub mod history;
mod obstacle;
pub mod planner;
mod ports;
pub mod prune;
pub mod replicas;
pub mod turn;
mod undone;

use std::collections::BTreeMap;

use kube::discovery::ApiResource;
use kube::{Resource, ResourceExt};
use manager_kit::cache::version;
use manager_kit::tracker::Target;
use manager_kit::writer::{Marks, Write};
use restapi_resources::Invalid;

use crate::kinds::Role;
pub use compare::Claim;
pub use held::Rollback;
pub use obstacle::Obstacle;

/// A field of an object that somebody else changed, and that we change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which object.
    pub target: Target,
    /// The path of the field.
    pub field: String,
}

/// One write, and as who.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The part that the writer plays.
    pub role: Role,
    /// The write.
    pub write: Write,
}

impl Step {
    /// Sets labels and annotations of an object of the kind `K`, in exactly the state in which it was seen.
    pub fn mark<K>(object: &impl ResourceExt, marks: Marks) -> Self
    where
        K: Resource<DynamicType = ()>,
    {
        let resource = ApiResource::erase::<K>(&());
        let target = Target {
            kind: resource.kind.clone(),
            name: object.name_any(),
        };
        Self {
            role: Role::Workloads,
            write: Write::Mark(resource, target, version(object), marks),
        }
    }
}

/// What is to be written for an application, and what stands in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Writes in waves: those of one wave don't depend on each other, a wave depends on those before it.
    pub waves: Vec<Vec<Step>>,
    /// Whether new pod templates are tried out before anything is written, because parts of them are in
    /// Kubernetes' own form, which only the API server can check.
    pub rehearses: bool,
    /// What is not written, and why.
    pub obstacles: Vec<Obstacle>,
    /// What others changed.
    pub drift: Vec<Drift>,
    /// The Deployments that served before, and that are scaled to 0 now: by name, with the write.
    pub replaces: BTreeMap<String, Step>,
    /// The number of the revision that the spec asks for.
    pub revision_number: i64,
    /// What became of an order to go back.
    pub rollback: Rollback,
    /// Whether there was something to write, and nothing is written because the application is paused.
    pub is_paused: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            waves: Vec::new(),
            rehearses: false,
            obstacles: Vec::new(),
            drift: Vec::new(),
            replaces: BTreeMap::new(),
            revision_number: 0,
            rollback: Rollback::None,
            is_paused: false,
        }
    }
}

impl Plan {
    /// Whether nothing is to be written and nothing stands in the way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.waves.is_empty() && self.obstacles.is_empty()
    }

    /// Leaves the object alone, for that reason.
    pub fn leave(&mut self, target: &Target, reason: Obstacle) {
        self.skip(target);
        self.obstacles.push(reason);
    }

    /// Leaves the object alone, which is as it should be.
    pub fn skip(&mut self, target: &Target) {
        for wave in &mut self.waves {
            wave.retain(|step| step.write.target() != *target);
        }
        self.waves.retain(|wave| !wave.is_empty());
        self.drift.retain(|drift| drift.target != *target);
    }
}

/// A plan that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The `RestAPI` can't be rendered.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An object can't be written as JSON.
    #[error("an object can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
