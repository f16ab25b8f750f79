//! A rollout is one trace, from the pipeline that brought it about to the last endpoint, although every manager was
//! killed on the way.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use restapi_types::status::RolloutPhase;
use restapi_types::{ComponentName, RestAPI, keys};
use serde_json::json;
use suites::app::{self, App};
use suites::env::variable;
use suites::events;
use suites::jaeger::{Jaeger, Trace};
use suites::load::Load;
use suites::namespace::{self, Namespace};
use suites::operator::{self, Operator};

/// How long a whole rollout may take while managers are killed.
const ROLLED_OUT: Duration = Duration::from_mins(4);

/// How long a span may take to be there: what waits in a manager goes out every second, and one that was killed
/// is followed by another within 25 s.
const TOLD: Duration = Duration::from_mins(1);

/// The pipeline that brings the rollout about.
const PIPELINE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The steps of a rollout that replaces a revision, in order.
const REPLACING: [&str; 3] = ["start", "await promotion", "switch"];

/// Those of the first one, which waits for nobody.
const FIRST: [&str; 2] = ["start", "switch"];

async fn born(namespace: &Namespace) -> Result<App> {
    let mut spec = app::four(&variable("RESTAPI_TEST_DEMO_IMAGE")?);
    spec["blueGreen"] = json!({
        "stableSeconds": 2, "drainSeconds": 5, "retention": {"hotSeconds": 300},
        "promotion": {"mode": "Manual"},
    });
    let app = App::create(namespace, "orders", spec).await?;
    app.ready().await?;
    app.answers().await?;
    Ok(app)
}

async fn phase(app: &App, revision: i64, phase: RolloutPhase) -> Result<RestAPI> {
    let what = format!("is {phase:?} with revision {revision}");
    app.until(&what, ROLLED_OUT, |restapi| {
        let told = restapi.rollout()?;
        (told.revision == Some(revision) && told.phase == Some(phase)).then(|| restapi.clone())
    })
    .await
}

fn trace_id(restapi: &RestAPI) -> Result<String> {
    let told = restapi.rollout().context("no rollout is told")?;
    told.trace_id.clone().context("no trace is told")
}

/// Every step once, and each begins where the one before it ended.
fn whole(trace: &Trace, steps: &[&str]) -> Result<()> {
    let mut all = [steps, &["companions", "rollout"]].concat();
    all.sort_unstable();
    ensure!(trace.names() == all, "not every step once");
    let root = trace.one("rollout")?;
    ensure!(root.parent().is_none(), "the whole is a part");
    let mut end = root.start;
    for name in steps {
        let step = trace.one(name)?;
        ensure!(step.parent() == Some(&root.id), "{name} is a part of what?");
        ensure!(step.start == end, "a gap before {name}");
        end = step.end();
    }
    ensure!(end == root.end(), "a gap at the end");
    let companions = trace.one("companions")?;
    ensure!(companions.parent() == Some(&root.id), "companions of what?");
    ensure!(
        trace.service(companions) == Some(operator::NAME),
        "by whom?"
    );
    ensure!(trace.service(root) == Some(operator::BLUEGREEN), "by whom?");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_is_one_whole_trace_although_its_managers_were_killed() -> Result<()> {
    namespace::with("traced", async |namespace| {
        let jaeger = Jaeger::installed(&namespace.client).await?;
        let managers = [operator::NAME, operator::BLUEGREEN]
            .map(|name| Operator::named(&namespace.client, name));
        let app = born(&namespace).await?;
        let first = trace_id(&app.restapi().await?)?;
        jaeger
            .trace(&first, TOLD, |trace| whole(trace, &FIRST))
            .await?;
        let load = Load::start(
            app.address(ComponentName::View).await?,
            ComponentName::View,
            20,
        );
        let pipeline = format!("00-{PIPELINE}-b7ad6b7169203331-01");
        app.annotate(keys::TRACEPARENT, &pipeline).await?;
        let next = variable("RESTAPI_TEST_DEMO_IMAGE_NEXT")?;
        app.change(json!({"image": next})).await?;
        phase(&app, 2, RolloutPhase::Starting).await?;
        for manager in &managers {
            operator::kill_process(&manager.leader().await?)?;
        }
        phase(&app, 2, RolloutPhase::Awaiting).await?;
        let bluegreen = managers.last().context("there are two")?;
        let leader = bluegreen.leader().await?;
        app.annotate(keys::COMMAND, "promote 2 first").await?;
        operator::kill_process(&leader)?;
        let restapi = phase(&app, 2, RolloutPhase::Retaining).await?;
        load.stop().await?.none_lost(100)?;

        let id = trace_id(&restapi)?;
        let trace = jaeger
            .trace(&id, TOLD, |trace| whole(trace, &REPLACING))
            .await?;
        let root = trace.one("rollout")?;
        ensure!(root.is_linked(PIPELINE), "{:?}", root.references);
        assert_eq!(root.tag("restapi.name").as_deref(), Some("orders"));
        assert_eq!(root.tag("cicd.pipeline.result").as_deref(), Some("success"));
        events::told(&namespace, "orders", "RolloutRetaining", &[&id], TOLD).await?;
        linked(&jaeger, &id).await?;

        // Whoever follows tells it again: it is the same.
        let before = told_again(bluegreen).await?;
        println!("{before} spans were exported by the one that follows");
        jaeger
            .trace(&id, TOLD, |trace| whole(trace, &REPLACING))
            .await?;
        jaeger
            .trace(&first, TOLD, |trace| whole(trace, &FIRST))
            .await?;
        Ok(())
    })
    .await
}

/// That reconciles of both managers are traces of their own which refer to the rollout's.
async fn linked(jaeger: &Jaeger, id: &str) -> Result<()> {
    for service in [operator::NAME, operator::BLUEGREEN] {
        let traces = jaeger.traces(service, "reconcile").await?;
        let mut spans = traces.iter().flat_map(|trace| &trace.spans);
        ensure!(
            spans.any(|span| span.parent().is_none() && span.is_linked(id)),
            "no reconcile of {service} refers to {id}"
        );
    }
    Ok(())
}

/// Kills the manager that works, and waits until the one that follows has exported spans.
async fn told_again(manager: &Operator) -> Result<f64> {
    operator::kill_process(&manager.leader().await?)?;
    manager.complete().await?;
    suites::wait::eventually(TOLD, "spans are exported", async || {
        let exported = manager
            .metrics()
            .await?
            .sum("restapi_spans_exported_total", &[]);
        ensure!(exported > 0.0, "{exported}");
        Ok(exported)
    })
    .await
}
