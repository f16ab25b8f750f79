//! A namespace goes while applications are being made in it.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::watcher;
use serde_json::json;
use suites::app::{App, four};
use suites::namespace::Namespace;
use suites::operator::Operator;
use suites::wait::unchanged;
use suites::watch;

use crate::setting;

/// How many applications are being made in it.
const APPLICATIONS: u32 = 10;

/// Writes that core-reconciler may try in vain for each application that goes: its 14 objects once every 5 s
/// while the namespace is going, which takes less than 15 s.
const VAIN_WRITES: u32 = 14 * 3;

/// How long the namespace may take to go: its pods serve on for some seconds.
const GONE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_namespace_that_goes_takes_its_applications_along_and_disturbs_no_other() -> Result<()> {
    setting::alone("deletion", async |namespace| {
        let operator = Operator::new(&namespace.client);
        operator.complete().await?;
        let before = operator.metrics().await?;
        let doomed = sibling(&namespace).await?;
        for number in 0..APPLICATIONS {
            App::create(&doomed, &format!("app-{number}"), four(&setting::demo()?)).await?;
        }
        let any = watcher::Config::default();
        let exists = |_: &Deployment| Some(());
        watch::first(
            doomed.api::<Deployment>(),
            any,
            GONE,
            "a Deployment exists",
            exists,
        )
        .await?;
        let namespaces = Api::<KubeNamespace>::all(namespace.client.clone());
        namespaces
            .delete(&doomed.name, &DeleteParams::default())
            .await?;
        App::orders(&namespace, &setting::demo()?).await?;
        watch::until_none(namespaces, &doomed.name, GONE).await?;
        let quiet = unchanged(
            Duration::from_secs(3),
            GONE,
            "core-reconciler's writes",
            async || {
                let metrics = operator.metrics().await?;
                Ok(metrics.requests("PATCH") + metrics.requests("DELETE"))
            },
        );
        quiet.await?;
        let after = operator.metrics().await?;
        let refused = |code| {
            let labels = [("method", "PATCH"), ("code", code)];
            let count = |metrics: &suites::metrics::Metrics| {
                metrics.sum("rest_client_requests_total", &labels)
            };
            count(&after) - count(&before)
        };
        let vain = ["403", "404", "409"].map(refused);
        let failed = |metrics: &suites::metrics::Metrics| {
            metrics.sum("controller_runtime_reconcile_errors_total", &[])
        };
        let errors = failed(&after) - failed(&before);
        println!("refused with 403, 404, 409: {vain:?}; reconciles that failed: {errors}");
        let most = f64::from(APPLICATIONS * VAIN_WRITES);
        ensure!(
            vain.iter().sum::<f64>() <= most,
            "{vain:?} writes were refused: a storm"
        );
        ensure!(errors <= most, "{errors} reconciles failed: a storm");
        Ok(())
    })
    .await
}

/// A second namespace, to be deleted in the course of the test.
async fn sibling(namespace: &Namespace) -> Result<Namespace> {
    let doomed = Namespace {
        name: format!("{}-doomed", namespace.name),
        ..namespace.clone()
    };
    let body = serde_json::from_value(json!({"metadata": {"name": doomed.name}}))?;
    let all = Api::<KubeNamespace>::all(namespace.client.clone());
    all.create(&PostParams::default(), &body).await?;
    Ok(doomed)
}
