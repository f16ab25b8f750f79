//! The applications that are measured, and what is done to many of them at once.

use std::future::Future;
use std::ops::Range;

use anyhow::{Context, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::PostParams;
use restapi_types::{Phase, RestAPI};
use serde_json::json;
use suites::app;
use suites::namespace::Namespace;

/// The image of every component. No node runs it: those of KWOK only say that they do.
const IMAGE: &str = "restapi/demo-app:0.1.0";

/// The name of application number `number`: all are of one length.
pub fn name(number: usize) -> String {
    format!("app-{number:05}")
}

/// Application number `number`: four components with nothing but defaults.
fn application(number: usize) -> Result<RestAPI> {
    let object = json!({
        "apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
        "metadata": {"name": name(number)}, "spec": app::four(IMAGE),
    });
    serde_json::from_value(object).context("the spec of a RestAPI")
}

/// Creates the applications of these numbers, `concurrency` at a time, and returns them as they were stored.
///
/// # Errors
/// The first refusal.
pub async fn create(
    namespace: &Namespace,
    numbers: Range<usize>,
    concurrency: usize,
) -> Result<Vec<RestAPI>> {
    let api = namespace.api::<RestAPI>();
    let applications = numbers.map(|number| {
        let api = api.clone();
        async move {
            api.create(&PostParams::default(), &application(number)?)
                .await
                .context("creating a RestAPI")
        }
    });
    at_once(applications, concurrency).await
}

/// Whether the status speaks of the newest spec and says that it is ready.
pub fn is_settled(restapi: &RestAPI) -> bool {
    restapi.status.as_ref().is_some_and(|status| {
        status.phase == Some(Phase::Ready)
            && status.observed_generation == restapi.metadata.generation
    })
}

/// Whether a Deployment's newest spec is rolled out and serves.
pub fn is_available(deployment: &Deployment) -> bool {
    let status = deployment.status.as_ref();
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    status.is_some_and(|status| {
        status.observed_generation >= deployment.metadata.generation
            && status.updated_replicas == wanted
            && status.available_replicas == wanted
            && status.replicas == wanted
    })
}

/// Runs the futures, at most `concurrency` at a time, up to the first error.
///
/// # Errors
/// The first one.
pub async fn at_once<T, F>(
    futures: impl IntoIterator<Item = F>,
    concurrency: usize,
) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>>,
{
    stream::iter(futures)
        .buffer_unordered(concurrency)
        .try_collect()
        .await
}
