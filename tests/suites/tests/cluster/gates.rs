//! What has to pass before a revision may serve, and once it does; and what people ask of pods that serve.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use restapi_types::status::{GateState, RolloutPhase};
use restapi_types::{ComponentName, RestAPI, conditions, keys};
use serde_json::{Value, json};
use suites::app::{self, App, told};
use suites::load::Load;
use suites::namespace::Namespace;

use crate::blue_green::{ROLLED_OUT, serves};
use crate::setting;

const RATE: u32 = 30;

async fn born(namespace: &Namespace, blue_green: Value) -> Result<App> {
    let mut spec = app::four(&setting::demo()?);
    spec["blueGreen"] = blue_green;
    let app = App::create(namespace, "orders", spec).await?;
    app.ready().await?;
    app.answers().await?;
    Ok(app)
}

fn gates(pre: &Value, post: &Value) -> Value {
    json!({"stableSeconds": 2, "drainSeconds": 5, "preSwitch": pre, "postSwitch": post})
}

/// A gate that asks the view for something.
fn asks(path: &str) -> Value {
    json!([{"name": "smoke", "http": {"component": "view", "path": path}, "intervalSeconds": 1}])
}

/// A gate that starts the demo application with an argument: with one that it does not know it fails at once.
fn starts(argument: &str) -> Result<Value> {
    let job = json!({"image": setting::demo()?, "args": [argument]});
    Ok(json!([{"name": "start", "job": job}]))
}

/// What its gates have come to, by name.
fn states(restapi: &RestAPI) -> BTreeMap<String, GateState> {
    let told = restapi.rollout().and_then(|told| told.gates.as_ref());
    let gates = told.into_iter().flatten();
    gates
        .map(|gate| (format!("{} {}", gate.moment, gate.name), gate.state))
        .collect()
}

async fn why_held(app: &App) -> Result<String> {
    let restapi = app.restapi().await?;
    let (_, why) = told(&restapi, conditions::ROLLED_BACK).context("it is not told")?;
    Ok(why)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_serves_once_requests_and_jobs_have_passed() -> Result<()> {
    setting::shared("gates", async |namespace| {
        let mut pre = asks("/api/chain");
        let job = starts("--version")?;
        pre.as_array_mut()
            .context("a list")?
            .extend(job.as_array().cloned().unwrap_or_default());
        let app = born(&namespace, gates(&pre, &asks("/api/chain"))).await?;
        app.change(json!({"image": setting::next_demo()?})).await?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        let restapi = app.restapi().await?;
        let expected = ["postSwitch smoke", "preSwitch smoke", "preSwitch start"];
        let passed = expected.map(|name| (name.to_owned(), GateState::Passed));
        assert_eq!(states(&restapi), BTreeMap::from(passed));
        let jobs = namespace.api::<Job>().list(&ListParams::default()).await?;
        ensure!(jobs.items.len() == 1, "{} Jobs", jobs.items.len());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_fails_keeps_a_revision_from_serving_or_takes_it_back() -> Result<()> {
    setting::measured("gatefails", async |namespace| {
        let none = json!([]);
        let app = born(&namespace, gates(&asks("/nothing"), &none)).await?;
        let load = Load::start(
            app.address(ComponentName::View).await?,
            ComponentName::View,
            RATE,
        );
        app.change(json!({"image": setting::next_demo()?})).await?;
        serves(&app, 1, RolloutPhase::Held).await?;
        let why = why_held(&app).await?;
        ensure!(why.contains("gate smoke of preSwitch failed"), "{why}");
        ensure!(
            why.contains("GET /nothing of orders-view-green gave 404"),
            "{why}"
        );
        app.only_ready_pods(4).await?;

        app.change(json!({"blueGreen": gates(&starts("--nothing")?, &none)}))
            .await?;
        app.annotate(keys::COMMAND, "retry 2 job").await?;
        app.until("is given up by the Job", ROLLED_OUT, |restapi| {
            let (_, why) = told(restapi, conditions::ROLLED_BACK)?;
            why.contains("gate start of preSwitch failed: Job orders-start-")
                .then_some(())
        })
        .await?;

        app.change(json!({"blueGreen": gates(&none, &asks("/nothing"))}))
            .await?;
        app.annotate(keys::COMMAND, "retry 2 after").await?;
        app.until("is taken back", ROLLED_OUT, |restapi| {
            let (_, why) = told(restapi, conditions::ROLLED_BACK)?;
            why.contains("gate smoke of postSwitch failed")
                .then_some(())
        })
        .await?;
        serves(&app, 1, RolloutPhase::Held).await?;
        let report = load.stop().await?;
        println!("{report}");
        report.none_lost(300)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_serve_are_restarted_under_load_and_secrets_are_read_again_at_once() -> Result<()>
{
    setting::measured("restart", async |namespace| {
        let secrets = namespace.api::<Secret>();
        let secret = json!({"metadata": {"name": "greeting"}, "stringData": {"GREETING": "one"}});
        let secret: Secret = serde_json::from_value(secret)?;
        secrets.create(&PostParams::default(), &secret).await?;
        let mut spec = app::four(&setting::demo()?);
        spec["blueGreen"] = json!({"stableSeconds": 2, "drainSeconds": 5});
        spec["envFrom"] = json!([{"secretRef": {"name": "greeting"}}]);
        let app = App::create(&namespace, "orders", spec).await?;
        app.ready().await?;
        app.answers().await?;
        let uids = async || -> Result<Vec<String>> {
            Ok(app
                .pods(None)
                .await?
                .iter()
                .filter_map(kube::ResourceExt::uid)
                .collect())
        };
        let before = uids().await?;
        let load = Load::start(
            app.address(ComponentName::View).await?,
            ComponentName::View,
            RATE,
        );
        app.annotate(keys::COMMAND, "restart 1 a").await?;
        suites::wait::eventually(ROLLED_OUT, "all pods are new", async || {
            let now = uids().await?;
            ensure!(
                now.len() == 4 && now.iter().all(|uid| !before.contains(uid)),
                "{now:?}"
            );
            Ok(())
        })
        .await?;
        app.ready().await?;
        serves(&app, 1, RolloutPhase::Settled).await?;
        load.stop().await?.none_lost(100)?;

        let changed = json!({"stringData": {"GREETING": "two"}});
        let params = PatchParams::default();
        secrets
            .patch("greeting", &params, &Patch::Merge(&changed))
            .await?;
        app.annotate(keys::COMMAND, "refresh 1 b").await?;
        app.until(
            "asks for another revision",
            Duration::from_secs(10),
            |restapi| (restapi.rollout()?.revision == Some(2)).then_some(()),
        )
        .await?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        Ok(())
    })
    .await
}
