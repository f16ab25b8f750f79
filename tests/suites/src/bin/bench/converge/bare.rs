//! The bare client: creates what core-reconciler would create, as fast as the API server takes it. It
//! watches nothing, compares nothing and reports nothing, so it is what a manager is measured against.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use futures::try_join;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt as _};
use restapi_resources::controller_revision::controller_revision;
use restapi_resources::render::RenderedComponent;
use restapi_resources::{Application, RenderVersion, Rendered, render};
use restapi_types::{Environment, RestAPI, keys};
use serde::Serialize;
use serde::de::DeserializeOwned;
use suites::namespace::Namespace;
use suites::watch::until_all;

use crate::applications::{COMPONENTS, at_once};

/// Creates the objects of `applications`, `concurrency` applications at a time and all objects of one at
/// once, and returns the seconds until every Deployment is available.
///
/// # Errors
/// The first refusal, or when the Deployments aren't all available within `limit`.
pub async fn seconds(
    namespace: &Namespace,
    applications: &[RestAPI],
    concurrency: usize,
    limit: Duration,
) -> Result<f64> {
    // Rendered before the clock starts: only what the cluster needs is measured.
    let rendered = applications
        .iter()
        .map(Objects::of)
        .collect::<Result<Vec<_>>>()?;
    let begin = Instant::now();
    let created = at_once(
        rendered.iter().map(|objects| objects.apply(namespace)),
        concurrency,
    );
    let deployments = namespace.api::<Deployment>();
    let available = until_all(
        deployments,
        applications.len() * COMPONENTS,
        limit,
        is_available,
    );
    let (_, end) = try_join!(created, available)?;
    Ok(end.duration_since(begin).as_secs_f64())
}

/// Everything that one application consists of.
struct Objects {
    application: Application,
    rendered: Rendered,
}

impl Objects {
    fn of(restapi: &RestAPI) -> Result<Self> {
        let application = Application::resolve(restapi)?;
        let writer = "bench-converge";
        let rendered = render(
            &application,
            Environment::Blue,
            writer,
            RenderVersion::default(),
        );
        Ok(Self {
            application,
            rendered,
        })
    }

    async fn apply(&self, namespace: &Namespace) -> Result<()> {
        let revision = controller_revision(&self.application, 1);
        let components = self
            .rendered
            .components
            .iter()
            .map(|c| apply_component(namespace, c));
        try_join!(
            apply(namespace, &self.rendered.service_account),
            apply(namespace, &revision),
            try_join_all(components),
        )?;
        Ok(())
    }
}

async fn apply_component(namespace: &Namespace, c: &RenderedComponent) -> Result<()> {
    try_join!(
        apply(namespace, &c.coloured),
        apply(namespace, &c.deployment),
        apply(namespace, &c.stable),
    )?;
    Ok(())
}

async fn apply<K>(namespace: &Namespace, object: &K) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize,
{
    let name = object.name_any();
    namespace
        .api::<K>()
        .patch(
            &name,
            &PatchParams::apply(keys::FIELD_MANAGER_WORKLOADS).force(),
            &Patch::Apply(object),
        )
        .await
        .with_context(|| format!("applying {} {name}", K::kind(&())))?;
    Ok(())
}

/// Whether a Deployment's newest spec is rolled out and serves.
fn is_available(deployment: &Deployment) -> bool {
    let status = deployment.status.as_ref();
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    status.is_some_and(|status| {
        status.observed_generation >= deployment.metadata.generation
            && status.updated_replicas == wanted
            && status.available_replicas == wanted
    })
}
