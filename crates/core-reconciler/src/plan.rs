//! Decides what to write. Pure: the same world gives the same plan.
//!
//! core-reconciler never writes: pods, Secrets, autoscalers, the spec of a `RestAPI`, or
//! anything that it does not own.

mod compare;
mod history;
mod ports;
mod prune;

use k8s_openapi::api::core::v1::Service;
use manager_kit::tracker::Target;
use manager_kit::writer::{Draft, Guard, Write};
use restapi_resources::{Application, Invalid, RenderVersion, render};
use restapi_types::{ComponentName, Environment, keys, names};

use crate::observe::World;

/// The name under which this manager writes workloads.
pub const WRITER: &str = "core-reconciler";

/// Something that keeps an object from being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An object of that name belongs to somebody else.
    Foreign(Target),
    /// An object of that name belongs to a deleted `RestAPI` of the same name, and is about to go.
    Predecessor(Target),
    /// The object is being deleted.
    Terminating(Target),
    /// The object was written for a newer generation than the one we see.
    Newer(Target),
    /// The Deployment was rendered by a newer manager, in a version that we don't know.
    UnknownRenderVersion(Target, String),
    /// The stable Service must not select this environment any more.
    Sealed(Target, String),
}

impl Obstacle {
    /// Whether waiting is enough.
    #[must_use]
    pub fn goes_by_itself(&self) -> bool {
        matches!(
            self,
            Self::Predecessor(_) | Self::Terminating(_) | Self::Newer(_)
        )
    }
}

/// A field of an object that somebody else changed, and that we change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which object.
    pub target: Target,
    /// The path of the field.
    pub field: String,
}

/// What is to be written for an application, and what stands in the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Writes in waves: those of one wave don't depend on each other, a wave depends on those before it.
    pub waves: Vec<Vec<Write>>,
    /// What is not written, and why.
    pub obstacles: Vec<Obstacle>,
    /// What others changed.
    pub drift: Vec<Drift>,
    /// The number of the revision that the spec asks for.
    pub revision_number: i64,
}

/// The environment that an application's stable Services select; blue, where it is born.
#[must_use]
pub fn active_environment(app: &str, services: &[std::sync::Arc<Service>]) -> Environment {
    let stable: Vec<String> = ComponentName::ALL.map(|c| names::stable(app, c)).into();
    services
        .iter()
        .filter(|s| {
            s.metadata
                .name
                .as_ref()
                .is_some_and(|name| stable.contains(name))
        })
        .find_map(|s| {
            Environment::parse(s.spec.as_ref()?.selector.as_ref()?.get(keys::ENVIRONMENT)?)
        })
        .unwrap_or_default()
}

/// Plans for `app` in `world`.
///
/// # Errors
/// [`PlanError`] when an object can't be written as JSON, which no rendered object is.
pub fn plan(app: &Application, world: &World) -> Result<Plan, PlanError> {
    let environment = active_environment(&app.name, &world.services);
    let rendered = render(app, environment, WRITER, RenderVersion::default());
    let (number, revision) = history::record(app, &world.revisions);
    let mut plan = Plan {
        revision_number: number,
        ..Plan::default()
    };
    let compare = compare::Compare { app, environment };

    let mut foundations = Vec::new();
    foundations.extend(compare.object(
        &rendered.service_account,
        &world.service_accounts,
        &mut plan,
    )?);
    foundations.extend(compare.object(&revision, &world.revisions, &mut plan)?);
    let mut workloads = Vec::new();
    for component in &rendered.components {
        workloads.extend(compare.object(&component.coloured, &world.services, &mut plan)?);
        workloads.extend(compare.object(&component.deployment, &world.deployments, &mut plan)?);
        workloads.extend(compare.object(&component.stable, &world.services, &mut plan)?);
    }
    plan.waves = vec![
        foundations,
        workloads,
        prune::surplus(app, &rendered, &revision, world),
    ];
    plan.waves.retain(|wave| !wave.is_empty());
    Ok(plan)
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

/// The objects whose apply must find the object exactly as it was read: a late write by a manager that
/// does not see the newest state would switch traffic or restart pods.
fn guard(draft: &Draft) -> Guard {
    match draft.resource.kind.as_str() {
        "Deployment" | "Service" => Guard::Unchanged,
        _ => Guard::SameObject,
    }
}

#[cfg(test)]
mod tests;
