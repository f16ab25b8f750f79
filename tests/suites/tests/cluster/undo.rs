//! Going back, under load: `kubectl rollout undo` is repaired and explained, the annotation is obeyed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use restapi_types::{ComponentName, RestAPI, conditions, keys};
use serde_json::{Value, json};
use suites::app::{App, READY, told};
use suites::events;
use suites::load::Load;
use suites::namespace::Namespace;
use suites::pods;
use suites::wait::{timed, unchanged};

use crate::setting;

/// Requests a second, half of them over new connections and half over kept ones.
const RATE: u32 = 50;

/// How long a repair may take, and an event to be there.
const REPAIRED: Duration = Duration::from_secs(5);

/// For how long what was gone back to is looked at.
const HOLDS: Duration = Duration::from_secs(5);

/// The Deployment that is undone.
const DEPLOYMENT: &str = "orders-view-blue";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollout_undo_is_put_back_and_told_and_the_annotation_goes_back() -> Result<()> {
    setting::measured("undo", async |namespace| {
        let (first, next) = (setting::demo()?, setting::next_demo()?);
        let app = two_revisions(&namespace, &first, &next).await?;
        let address = app.address(ComponentName::View).await?;
        let load = Load::start(address, ComponentName::View, RATE);
        undone(&app).await?;
        let put_back = app.only_ready_pods(4).await;
        put_back.context("after the undo")?;
        images(&app, &next).await?;

        order(&app, Some("1")).await?;
        until_view_runs(&app, &first).await?;
        app.until("holds revision 2", READY, |restapi| {
            let (reason, _) = told(restapi, conditions::STALLED)?;
            (reason == "RevisionHeld").then_some(())
        })
        .await?;
        app.only_ready_pods(4).await?;
        let what = "the pods of the revision that was gone back to";
        unchanged(HOLDS, READY, what, async || images(&app, &first).await).await?;

        order(&app, None).await?;
        until_view_runs(&app, &next).await?;
        app.ready().await?;
        app.only_ready_pods(4).await?;
        let report = load.stop().await?;
        println!("undo: {report}");
        report.none_lost(200)
    })
    .await
}

/// An application whose view is in its second revision: with another image, and without a variable that it had.
async fn two_revisions(namespace: &Namespace, first: &str, next: &str) -> Result<App> {
    let mut spec = suites::app::four(first);
    spec["view"] = json!({"envVars": {"GREETING": "hello"}});
    let app = App::create(namespace, "orders", spec).await?;
    app.ready().await?;
    app.answers().await?;
    let change = json!({"view": {"image": next, "envVars": null}});
    app.change(change).await?;
    app.ready().await?;
    app.only_ready_pods(4).await?;
    Ok(app)
}

/// Undoes the view's rollout as people do, and waits until nothing is left of that but an event.
async fn undone(app: &App) -> Result<()> {
    let before = deployment(app).await?;
    let target = format!("deployment/{DEPLOYMENT}");
    let undo = ["-n", &app.namespace.name, "rollout", "undo", &target];
    let said = app.namespace.env.kubectl(&undo).await?;
    ensure!(said.contains("rolled back"), "kubectl says {said:?}");
    let what = "the Deployment is as it was before the undo";
    timed(REPAIRED, what, async || {
        let now = deployment(app).await?;
        ensure!(
            now.metadata.generation > before.metadata.generation,
            "the undo is not seen yet"
        );
        let (was, is) = (intent(&before), intent(&now));
        ensure!(was == is, "it was {was}, and is {is}");
        Ok(())
    })
    .await?;
    let parts = [DEPLOYMENT, "spec.template", keys::ROLLBACK];
    events::told(&app.namespace, &app.name, "DriftRepaired", &parts, REPAIRED).await
}

async fn deployment(app: &App) -> Result<Deployment> {
    Ok(app.namespace.api::<Deployment>().get(DEPLOYMENT).await?)
}

/// What the Deployment asks for, and by what it is known that it was asked for.
fn intent(deployment: &Deployment) -> Value {
    let applied = deployment.annotations().get(keys::APPLIED);
    json!({"spec": deployment.spec, "applied": applied})
}

/// Sets the order to go back, or takes it away.
async fn order(app: &App, revision: Option<&str>) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {keys::ROLLBACK: revision}}});
    let api = app.namespace.api::<RestAPI>();
    api.patch(&app.name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(())
}

async fn until_view_runs(app: &App, image: &str) -> Result<()> {
    let what = format!("the view runs {image}");
    timed(READY, &what, async || images(app, image).await).await?;
    Ok(())
}

/// The names of the view's pods, all of which run `image`.
async fn images(app: &App, image: &str) -> Result<Vec<String>> {
    let views = app.pods(Some("view")).await?;
    let seen: Vec<_> = views
        .iter()
        .map(|pod| (pod.name_any(), pods::image(pod)))
        .collect();
    ensure!(
        !seen.is_empty() && seen.iter().all(|(_, other)| *other == image),
        "{seen:?}"
    );
    Ok(seen.into_iter().map(|(name, _)| name).collect())
}
