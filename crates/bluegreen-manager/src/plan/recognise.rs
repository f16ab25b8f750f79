//! Which revision the workloads of an environment are of that say nothing of an attempt: core-reconciler made them.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use restapi_resources::workload::workload;
use restapi_resources::{Application, RenderVersion, canonical};
use restapi_types::{Environment, keys};
use serde_json::json;
use workloads::plan::held;
use workloads::world::World;

/// The application as it was in the revision whose templates these are: that which the spec asks for, else the newest of the recorded ones. Where
/// none fits, pods were being replaced one component at a time, and that is gone on with.
pub(super) fn recognise(
    app: &Application,
    records: &[Arc<ControllerRevision>],
    world: &World,
    environment: Environment,
) -> Application {
    let mut newest: Vec<_> = records.iter().collect();
    newest.sort_by_key(|record| std::cmp::Reverse(record.revision));
    let earlier = newest
        .into_iter()
        .filter_map(|record| held::again(app, record).ok());
    let mut candidates = std::iter::once(app.clone()).chain(earlier);
    let found = candidates.find(|candidate| is_what_runs(candidate, world, environment));
    found.unwrap_or_else(|| app.clone())
}

fn is_what_runs(app: &Application, world: &World, environment: Environment) -> bool {
    let running: Vec<_> = world.workloads_in(environment).collect();
    let fits = |component| {
        let name = running.iter().find(|(name, _)| *name == component);
        let component = app.component(component);
        let (Some((_, live)), Some(component)) = (name, component) else {
            return false;
        };
        let rendered = workload(app, component, environment, RenderVersion::default());
        let hash = canonical::hash(&json!(rendered.template()));
        live.labels().get(keys::TEMPLATE) == Some(&hash)
    };
    running.len() == app.components.len() && app.components.iter().all(|c| fits(c.name))
}
