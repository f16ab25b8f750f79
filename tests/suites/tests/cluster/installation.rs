//! core-reconciler is removed and installed again while applications serve.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use restapi_types::{ComponentName, crd};
use serde_json::json;
use suites::app::App;
use suites::load::Load;
use suites::operator::Operator;
use suites::pods;
use suites::wait::eventually;

use crate::setting;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_serve_on_without_core_reconciler_and_follow_it_when_it_is_back() -> Result<()>
{
    setting::alone("removal", async |namespace| {
        let operator = Operator::new(&namespace.client);
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let load = Load::start(
            app.address(ComponentName::View).await?,
            ComponentName::View,
            20,
        );
        let base = namespace.env.repository.join("kustomize/core-reconciler");
        let base = base.to_string_lossy().into_owned();
        namespace
            .env
            .kubectl(&["delete", "--kustomize", &base, "--ignore-not-found"])
            .await?;
        eventually(
            Duration::from_secs(30),
            "core-reconciler is gone",
            async || {
                let left = operator.pods().await?.len();
                ensure!(left == 0, "{left} pods are left");
                Ok(())
            },
        )
        .await?;
        let crds = Api::<CustomResourceDefinition>::all(namespace.client.clone());
        ensure!(
            crds.get_opt(crd::NAME).await?.is_some(),
            "the CRD went as well"
        );
        // Nobody is there to act on this yet.
        app.change(json!({"view": {"replicas": 2}})).await?;
        let deployed = setting::xtask(&["deploy", "--name", &setting::cluster()?]).await;
        deployed?;
        app.ready().await?;
        operator.complete().await?;
        let views = app.pods(Some("view")).await?;
        ensure!(
            views.iter().filter(|pod| pods::is_ready(pod)).count() == 2,
            "no second view"
        );
        let report = load.stop().await?;
        println!("{report}");
        report.none_lost(50)
    })
    .await
}
