//! Changes of an application under load: no request may be lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use restapi_types::ComponentName;
use serde_json::{Value, json};
use suites::app::App;
use suites::audit::Snapshot;
use suites::load::{Load, Report};
use suites::wait::eventually;
use suites::{chain, pods};

use crate::setting;

/// Requests a second, half of them over new connections and half over kept ones.
const RATE: u32 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_image_rolls_out_without_a_lost_request() -> Result<()> {
    setting::measured("image", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let before = versions(&app).await?;
        let next = setting::next_demo()?;
        let report = changed(&app, ComponentName::View, json!({"image": next}), 4).await?;
        let after = versions(&app).await?;
        assert!(before.is_disjoint(&after), "every pod is replaced");
        for pod in app.pods(None).await? {
            assert_eq!(pods::image(&pod), next);
        }
        let seen: BTreeSet<String> = report
            .chains()
            .flatten()
            .map(|hop| hop.version.clone())
            .collect();
        assert_eq!(
            seen,
            before.union(&after).cloned().collect(),
            "load came before and after"
        );
        report.none_lost(200)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scaling_up_and_down_loses_no_request() -> Result<()> {
    setting::measured("scale", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let before = versions(&app).await?;
        let up = changed(&app, ComponentName::View, json!({"replicas": 3}), 12).await?;
        up.none_lost(100)?;
        each_answers(&app, "view", 3).await?;
        let down = changed(&app, ComponentName::View, json!({"replicas": 1}), 4).await?;
        assert_eq!(
            versions(&app).await?,
            before,
            "scaling replaces no pod's template"
        );
        down.none_lost(200)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_goes_and_comes_back_while_the_others_serve() -> Result<()> {
    setting::measured("component", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let before = Snapshot::of(&namespace).await?.owned();
        changed(&app, ComponentName::Controller, json!({"view": null}), 3)
            .await?
            .none_lost(100)?;
        let without = Snapshot::of(&namespace).await?.owned();
        let views: Vec<_> = without
            .ids()
            .into_iter()
            .filter(|id| id.contains("-view"))
            .collect();
        assert!(views.is_empty(), "still there: {views:?}");
        for (id, _) in before.iter().filter(|(id, _)| !id.contains("-view")) {
            let uid = |all: &Snapshot| all.get(id).and_then(|object| object.metadata.uid.clone());
            assert_eq!(uid(&without), uid(&before), "{id} was not made anew");
        }
        changed(&app, ComponentName::Controller, json!({"view": {}}), 4)
            .await?
            .none_lost(100)?;
        let with: Snapshot = Snapshot::of(&namespace).await?.owned();
        let services = |all: &Snapshot| -> Vec<String> {
            all.ids()
                .into_iter()
                .filter(|id| id.starts_with("Service/"))
                .map(Into::into)
                .collect()
        };
        assert_eq!(services(&with), services(&before));
        app.answers().await
    })
    .await
}

/// Changes the application under load that enters at `edge`, until it is ready and has no other pods than
/// `pods` ready ones.
async fn changed(app: &App, edge: ComponentName, change: Value, pods: usize) -> Result<Report> {
    let load = Load::start(app.address(edge).await?, edge, RATE);
    let begin = Instant::now();
    app.change(change.clone()).await?;
    app.ready().await?;
    let ready = begin.elapsed();
    app.only_ready_pods(pods).await?;
    let report = load.stop().await?;
    println!(
        "{change}: ready after {ready:.1?}, all over after {:.1?}: {report}",
        begin.elapsed()
    );
    Ok(report)
}

/// Waits until each of the `count` pods of the component `role` has answered.
async fn each_answers(app: &App, role: &str, count: usize) -> Result<()> {
    let mut seen = BTreeSet::new();
    eventually(Duration::from_secs(20), "each pod answers", async || {
        let hops = chain::whole(&app.get("/api/chain").await?, ComponentName::View)?;
        seen.extend(
            hops.into_iter()
                .filter(|hop| hop.role == role)
                .map(|hop| hop.pod),
        );
        ensure!(seen.len() == count, "only {seen:?} so far");
        Ok(())
    })
    .await
}

/// The hashes of the templates of the application's pods.
async fn versions(app: &App) -> Result<BTreeSet<String>> {
    Ok(app
        .pods(None)
        .await?
        .iter()
        .map(|pod| pods::version(pod).to_owned())
        .collect())
}
