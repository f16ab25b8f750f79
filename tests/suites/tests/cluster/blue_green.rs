//! Revisions that replace each other as a whole, under load: no request may be lost, and none may be answered by two
//! revisions (every answer's chain is looked at).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use restapi_types::status::RolloutPhase;
use restapi_types::{ComponentName, Environment, RestAPI, conditions, keys};
use serde_json::{Value, json};
use suites::app::{self, App, told};
use suites::load::{Load, Report};
use suites::namespace::Namespace;
use suites::operator::{self, Operator};

use crate::setting;

/// Requests a second, half of them over new connections and half over kept ones.
const RATE: u32 = 50;

/// How long a whole rollout may take: four pods in a row on a busy machine, and everything that is waited for.
pub(crate) const ROLLED_OUT: Duration = Duration::from_mins(3);

fn spec(image: &str) -> Value {
    let mut spec = app::four(image);
    spec["blueGreen"] = json!({
        "stableSeconds": 2, "drainSeconds": 5, "retention": {"hotSeconds": 120},
    });
    spec
}

async fn born(namespace: &Namespace, spec: Value) -> Result<App> {
    let app = App::create(namespace, "orders", spec).await?;
    app.ready().await?;
    app.answers().await?;
    Ok(app)
}

fn load(app: &App, edge: std::net::SocketAddr) -> Load {
    println!("load on {} of {}", edge, app.name);
    Load::start(edge, ComponentName::View, RATE)
}

/// Waits until the revision serves, in that phase.
pub(crate) async fn serves(app: &App, revision: i64, phase: RolloutPhase) -> Result<Environment> {
    let what = format!("serves revision {revision} and is {phase:?}");
    app.until(&what, ROLLED_OUT, |restapi| {
        let told = restapi.rollout()?;
        let environment = restapi.status.as_ref()?.active_environment?;
        let is_so = told.serving == Some(revision) && told.phase == Some(phase);
        is_so.then_some(environment)
    })
    .await
}

async fn command(app: &App, command: &str) -> Result<()> {
    app.annotate(keys::COMMAND, command).await
}

fn environments(report: &Report) -> BTreeSet<String> {
    let hops = report.chains().flatten();
    hops.map(|hop| hop.environment.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_replaces_another_and_is_rolled_back_without_a_lost_or_mixed_request()
-> Result<()> {
    setting::measured("bluegreen", async |namespace| {
        let app = born(&namespace, spec(&setting::demo()?)).await?;
        let load = load(&app, app.address(ComponentName::View).await?);
        let begin = Instant::now();
        app.change(json!({"image": setting::next_demo()?})).await?;
        let green = serves(&app, 2, RolloutPhase::Retaining).await?;
        println!("switched after {:.1?}", begin.elapsed());
        assert_eq!(green, Environment::Green);
        assert_eq!(app.pods(None).await?.len(), 8, "both are there");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let begin = Instant::now();
        command(&app, "rollback 2 first").await?;
        let blue = serves(&app, 1, RolloutPhase::Held).await?;
        println!("rolled back after {:.1?}", begin.elapsed());
        assert_eq!(blue, Environment::Blue);
        let restapi = app.restapi().await?;
        let (_, why) = told(&restapi, conditions::ROLLED_BACK).context("it is not told")?;
        assert!(why.contains("revision 2 held, serving 1"), "{why}");
        command(&app, "retry 2 second").await?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        let report = load.stop().await?;
        println!("{report}");
        assert_eq!(environments(&report).len(), 2, "load came to both");
        report.none_lost(300)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_may_be_dead_when_it_is_rolled_back_from() -> Result<()> {
    setting::measured("dead", async |namespace| {
        let app = born(&namespace, spec(&setting::demo()?)).await?;
        app.change(json!({"image": setting::next_demo()?})).await?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        let green = ListParams::default().labels(&format!("{}=green", keys::ENVIRONMENT));
        let at_once = DeleteParams::default().grace_period(0);
        let deployments = namespace.api::<Deployment>();
        deployments.delete_collection(&at_once, &green).await?;
        command(&app, "rollback 2 first").await?;
        serves(&app, 1, RolloutPhase::Held).await?;
        app.answers().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_does_not_start_is_told_and_given_up_and_what_serves_is_not_touched()
-> Result<()> {
    setting::measured("broken", async |namespace| {
        let mut spec = spec(&setting::demo()?);
        spec["blueGreen"]["progressDeadlineSeconds"] = json!(20);
        let app = born(&namespace, spec).await?;
        let before = pods(&app).await?;
        let load = load(&app, app.address(ComponentName::View).await?);
        app.change(json!({"model": {"image": "localhost/restapi/nothing:1"}}))
            .await?;
        app.until("says what is wrong", ROLLED_OUT, |restapi| {
            let (_, why) = told(restapi, conditions::ROLLOUT_PROGRESSING)?;
            (why.contains("localhost/restapi/nothing:1") && why.contains("model")).then_some(())
        })
        .await?;
        serves(&app, 1, RolloutPhase::Held).await?;
        app.only_ready_pods(4).await?;
        assert_eq!(pods(&app).await?, before);
        load.stop().await?.none_lost(200)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workloads_change_hands_without_a_pod_that_restarts_whoever_is_down_in_between()
-> Result<()> {
    setting::alone("hands", async |namespace| {
        let core = Operator::new(&namespace.client);
        let blue_green = Operator::named(&namespace.client, operator::BLUEGREEN);
        core.complete().await?;
        blue_green.complete().await?;
        let mut spec = app::four(&setting::demo()?);
        spec["view"]["replicas"] = json!(2);
        let app = born(&namespace, spec).await?;
        let before = pods(&app).await?;
        let load = load(&app, app.address(ComponentName::View).await?);
        let on = json!({"blueGreen": {"stableSeconds": 2}});
        let off = json!({"blueGreen": null});

        app.change(on.clone()).await?;
        serves(&app, 1, RolloutPhase::Settled).await?;
        app.ready().await?;
        app.change(off.clone()).await?;
        written_by(&app, keys::CORE_RECONCILER).await?;
        app.ready().await?;

        blue_green.scale(0).await?;
        app.change(on.clone()).await?;
        app.until("says who is missing", ROLLED_OUT, |restapi| {
            let conditions = restapi.status.as_ref()?.conditions.as_ref()?;
            let ready = conditions.iter().find(|c| c.type_ == conditions::READY)?;
            (ready.reason == "WaitingForBlueGreenManager").then_some(())
        })
        .await?;
        blue_green.scale(2).await?;
        serves(&app, 1, RolloutPhase::Settled).await?;

        core.scale(0).await?;
        app.change(off).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(pods(&app).await?, before, "nobody has them");
        app.change(on).await?;
        core.scale(2).await?;
        serves(&app, 1, RolloutPhase::Settled).await?;
        app.ready().await?;

        assert_eq!(pods(&app).await?, before, "the same pods, and as many");
        load.stop().await?.none_lost(300)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_that_is_killed_in_the_middle_is_gone_on_from() -> Result<()> {
    setting::alone("killed", async |namespace| {
        let manager = Operator::named(&namespace.client, operator::BLUEGREEN);
        manager.complete().await?;
        let app = born(&namespace, spec(&setting::demo()?)).await?;
        let load = load(&app, app.address(ComponentName::View).await?);
        app.change(json!({"image": setting::next_demo()?})).await?;
        app.until("starts the revision", ROLLED_OUT, |restapi| {
            (restapi.rollout()?.phase == Some(RolloutPhase::Starting)).then_some(())
        })
        .await?;
        operator::kill_process(&manager.leader().await?)?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        command(&app, "rollback 2 first").await?;
        operator::kill_process(&manager.leader().await?)?;
        serves(&app, 1, RolloutPhase::Held).await?;
        load.stop().await?.none_lost(300)?;
        manager.complete().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_is_deleted_in_the_middle_leaves_nothing() -> Result<()> {
    setting::shared("midway", async |namespace| {
        let app = born(&namespace, spec(&setting::demo()?)).await?;
        app.change(json!({"image": setting::next_demo()?})).await?;
        app.until("starts the revision", ROLLED_OUT, |restapi| {
            (restapi.rollout()?.phase == Some(RolloutPhase::Starting)).then_some(())
        })
        .await?;
        let all = namespace.api::<RestAPI>();
        all.delete(&app.name, &DeleteParams::default()).await?;
        let what = "nothing of it is left";
        suites::wait::eventually(ROLLED_OUT, what, async || {
            let own = ListParams::default().labels(&format!("{}={}", keys::INSTANCE, app.name));
            let pods = app.pods(None).await?.len();
            let deployments = namespace.api::<Deployment>().list(&own).await?.items.len();
            let records = namespace.api::<ControllerRevision>().list(&own).await?;
            let left = (pods, deployments, records.items.len());
            ensure!(left == (0, 0, 0), "{left:?} are left");
            Ok(())
        })
        .await
    })
    .await
}

/// The uids of all pods, and how often their containers were started again.
async fn pods(app: &App) -> Result<BTreeMap<String, i32>> {
    let pods = app.pods(None).await?;
    let restarts = |pod: &k8s_openapi::api::core::v1::Pod| {
        let status = pod.status.as_ref();
        let containers = status.and_then(|s| s.container_statuses.as_ref());
        containers
            .into_iter()
            .flatten()
            .map(|c| c.restart_count)
            .sum()
    };
    let all = pods
        .iter()
        .filter(|p| p.metadata.deletion_timestamp.is_none());
    Ok(all
        .map(|pod| (pod.uid().unwrap_or_default(), restarts(pod)))
        .collect())
}

/// Waits until every stable Service says that this manager writes the workloads.
async fn written_by(app: &App, writer: &str) -> Result<()> {
    suites::wait::eventually(ROLLED_OUT, "the workloads have changed hands", async || {
        for component in ComponentName::ALL {
            let name = restapi_types::names::stable(&app.name, component);
            let services = app.namespace.api::<k8s_openapi::api::core::v1::Service>();
            let service = services.get(&name).await?;
            let found = service.annotations().get(keys::WRITER).cloned();
            ensure!(found.as_deref() == Some(writer), "{name} says {found:?}");
        }
        Ok(())
    })
    .await
}
