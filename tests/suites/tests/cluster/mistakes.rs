//! Mistakes that only a cluster finds: status names the field and the fix, and what ran before serves on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::runtime::watcher;
use restapi_types::{ComponentName, Phase, RestAPI, conditions};
use serde_json::{Value, json};
use suites::app::{App, four, told};
use suites::load::Load;
use suites::{http, pods, watch};

use crate::setting;

/// How long status may take to say what the API server shows.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// How long a pod may take to show what is wrong with it.
const SHOWN_WITHIN: Duration = Duration::from_mins(1);

/// Requests a second.
const RATE: u32 = 20;

/// A change that can't work, and what is to be said of it.
struct Mistake {
    component: ComponentName,
    change: Value,
    undo: Value,
    /// Whether a pod shows it.
    shows: fn(&Pod) -> bool,
    condition: &'static str,
    reason: &'static str,
    /// What the message must hold: the field, and what is wrong with it.
    names: &'static [&'static str],
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_cant_be_pulled_is_named_and_replaces_nothing() -> Result<()> {
    made(
        "pull",
        Mistake {
            component: ComponentName::View,
            change: json!({"view": {"image": "localhost/restapi/no-such-image:1"}}),
            undo: json!({"view": {"image": null}}),
            shows: |pod| {
                waits_for(
                    pod,
                    &["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"],
                )
            },
            condition: conditions::STALLED,
            reason: "ImagePullFailed",
            names: &["spec.view.image", "localhost/restapi/no-such-image:1"],
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_ends_again_and_again_is_named_and_replaces_nothing() -> Result<()> {
    made(
        "crash",
        Mistake {
            component: ComponentName::Model,
            change: json!({"model": {"args": ["--role", "nonsense"]}}),
            undo: json!({"model": {"args": null}}),
            shows: |pod| waits_for(pod, &["CrashLoopBackOff"]),
            condition: conditions::STALLED,
            reason: "CrashLooping",
            names: &["model", "exit code 2", "--previous"],
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_no_node_can_grant_is_named_and_replaces_nothing() -> Result<()> {
    made(
        "room",
        Mistake {
            component: ComponentName::Repository,
            change: json!({"repository": {"resources": {"requests": {"cpu": "1000"}}}}),
            undo: json!({"repository": {"resources": null}}),
            shows: |pod| {
                let conditions = pod
                    .status
                    .as_ref()
                    .and_then(|status| status.conditions.as_ref());
                conditions
                    .into_iter()
                    .flatten()
                    .any(|c| c.type_ == "PodScheduled" && c.status == "False")
            },
            condition: conditions::RECONCILING,
            reason: "Unschedulable",
            names: &["spec.repository.resources.requests", "cpu"],
        },
    )
    .await
}

/// Makes the mistake in an application under load, and undoes it.
async fn made(test: &str, mistake: Mistake) -> Result<()> {
    setting::shared(test, async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let load = Load::start(
            app.address(ComponentName::View).await?,
            ComponentName::View,
            RATE,
        );
        let component = Some(mistake.component.as_str());
        let old = app
            .pods(component)
            .await?
            .pop()
            .context("no pod")?
            .name_any();
        app.change(mistake.change.clone()).await?;
        let (shown, told) = tokio::try_join!(shown(&app, &mistake), told_of(&app, &mistake))?;
        let delay = told.0.saturating_duration_since(shown);
        println!("{test}: told {delay:.2?} after a pod showed it: {}", told.1);
        ensure!(
            delay <= TOLD_WITHIN,
            "told only {delay:.2?} after a pod showed it"
        );
        for part in mistake.names {
            ensure!(told.1.contains(part), "{part:?} is not in {:?}", told.1);
        }
        let still = app.pods(component).await?;
        ensure!(
            still
                .iter()
                .any(|pod| pod.name_any() == old && pods::is_ready(pod)),
            "the old pod went"
        );
        app.change(mistake.undo.clone()).await?;
        app.ready().await?;
        app.only_ready_pods(4).await?;
        let report = load.stop().await?;
        println!("{test}: {report}");
        report.none_lost(5)
    })
    .await
}

/// When a pod of the component first showed the mistake.
async fn shown(app: &App, mistake: &Mistake) -> Result<Instant> {
    let selector = pods::selector(&app.name, Some(mistake.component.as_str()));
    let only = watcher::Config::default().labels(&selector);
    let what = format!("a pod shows {}", mistake.reason);
    let shows = |pod: &Pod| (mistake.shows)(pod).then(Instant::now);
    watch::first(app.namespace.api(), only, SHOWN_WITHIN, &what, shows).await
}

/// When the status first told of the mistake, and its message.
async fn told_of(app: &App, mistake: &Mistake) -> Result<(Instant, String)> {
    let what = format!("tells {}", mistake.reason);
    app.until(&what, SHOWN_WITHIN, |restapi| {
        let (reason, message) = told(restapi, mistake.condition)?;
        let serves =
            told(restapi, conditions::AVAILABLE).is_some() && !suites::app::is_ready(restapi);
        (reason == mistake.reason && serves).then(|| (Instant::now(), message))
    })
    .await
}

fn waits_for(pod: &Pod, reasons: &[&str]) -> bool {
    let reason = pods::waiting(pod).and_then(|waiting| waiting.reason.as_deref());
    reason.is_some_and(|reason| reasons.contains(&reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_not_healthy_leaves_service_until_it_is() -> Result<()> {
    setting::shared("health", async |namespace| {
        let mut spec = four(&setting::demo()?);
        spec["controller"] = json!({"replicas": 2, "envVars": {"DEMO_ALLOW_FAULTS": "true"}});
        let app = App::create(&namespace, "orders", spec).await?;
        app.ready().await?;
        let pod = app
            .pods(Some("controller"))
            .await?
            .pop()
            .context("no controller")?;
        let faults = format!("http://{}:8081/faults", pods::address(&pod)?);
        let load = Load::start(
            app.address(ComponentName::View).await?,
            ComponentName::View,
            RATE,
        );
        switch(&faults, json!({"health": false})).await?;
        let missing = |restapi: &RestAPI| {
            let status = restapi.status.as_ref()?;
            (status.phase == Some(Phase::Progressing) && status.ready_replicas == Some(4))
                .then_some(())
        };
        app.until("misses one of five pods", SHOWN_WITHIN, missing)
            .await?;
        switch(&faults, json!({})).await?;
        app.ready().await?;
        let report = load.stop().await?;
        println!("health: {report}");
        report.none_lost(5)
    })
    .await
}

/// Switches the demo's faults.
async fn switch(url: &str, faults: Value) -> Result<()> {
    let (code, text) = http::post(url, &faults).await?;
    ensure!(code == 200, "POST {url} answers {code}: {text}");
    Ok(())
}
