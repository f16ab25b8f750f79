//! The applications that are measured, and what is done to many of them at once.

use std::future::Future;

use anyhow::{Context, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::PostParams;
use restapi_types::{ComponentName, ComponentSpec, RestAPI, RestAPISpec};
use suites::namespace::Namespace;

/// The components of each application: all.
pub const COMPONENTS: usize = ComponentName::ALL.len();

/// Application number `number`: four components with nothing but defaults. No node runs the image: those
/// of KWOK only say that they do.
fn application(number: usize) -> RestAPI {
    let component = Some(ComponentSpec::default());
    let spec = RestAPISpec {
        image: Some("restapi/demo-app:0.1.0".to_owned()),
        model: component.clone(),
        view: component.clone(),
        controller: component.clone(),
        repository: component,
        ..RestAPISpec::default()
    };
    RestAPI::new(&format!("app-{number:04}"), spec)
}

/// Creates `count` applications, `concurrency` at a time, and returns them as they were stored.
///
/// # Errors
/// The first refusal.
pub async fn create(
    namespace: &Namespace,
    count: usize,
    concurrency: usize,
) -> Result<Vec<RestAPI>> {
    let api = namespace.api::<RestAPI>();
    let applications = (0..count).map(|number| {
        let (api, application) = (api.clone(), application(number));
        async move {
            api.create(&PostParams::default(), &application)
                .await
                .context("creating a RestAPI")
        }
    });
    at_once(applications, concurrency).await
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
