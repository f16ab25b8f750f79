//! What the tests of this suite share: two managers as processes, and one application through a rollout and back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use restapi_types::status::RolloutPhase;
use restapi_types::{ComponentName, Environment, keys, names};
use serde_json::{Value, json};
use suites::app::App;
use suites::audit::Snapshot;
use suites::env;
use suites::namespace::{self, Namespace};
pub(crate) use suites::pair::Managers;
use suites::wait::eventually;
use tokio::sync::Semaphore;

/// How long each step may take: one pod, on a machine that is busy with others.
pub(crate) const STEP: Duration = Duration::from_mins(2);

/// How long it may take until everything stands in status.
const SAME: Duration = Duration::from_secs(30);

/// How many tests run at once: each has processes of its own and starts pods.
static TURNS: Semaphore = Semaphore::const_new(3);

/// Runs `test` in a namespace of its own.
pub(crate) async fn run(name: &str, test: impl AsyncFnOnce(Namespace) -> Result<()>) -> Result<()> {
    let _turn = TURNS.acquire().await?;
    namespace::with(&format!("events-{name}"), test).await
}

/// An application of one pod, at its first revision.
pub(crate) async fn born(namespace: &Namespace, name: &str) -> Result<App> {
    let spec = json!({
        "image": env::variable("RESTAPI_TEST_DEMO_IMAGE")?,
        "view": {},
        "blueGreen": {
            "stableSeconds": 2, "drainSeconds": 5, "retention": {"hotSeconds": 600},
        },
    });
    let app = App::create(namespace, name, spec).await?;
    serves(&app, 1, RolloutPhase::Settled).await?;
    app.ready().await?;
    Ok(app)
}

/// Has the next revision rolled out.
pub(crate) async fn update(app: &App) -> Result<()> {
    let next = env::variable("RESTAPI_TEST_DEMO_IMAGE_NEXT")?;
    app.change(json!({"image": next})).await
}

/// Waits until the revision serves, in that phase.
pub(crate) async fn serves(app: &App, revision: i64, phase: RolloutPhase) -> Result<()> {
    let what = format!("serves revision {revision} and is {phase:?}");
    app.until(&what, STEP, |restapi| {
        let told = restapi.status.as_ref()?.blue_green.as_ref()?;
        (told.serving == Some(revision) && told.phase == Some(phase)).then_some(())
    })
    .await
}

/// An application that was born, rolled out and rolled back.
pub(crate) async fn there_and_back(namespace: &Namespace) -> Result<App> {
    let app = born(namespace, "orders").await?;
    update(&app).await?;
    serves(&app, 2, RolloutPhase::Retaining).await?;
    back(&app).await?;
    Ok(app)
}

/// Rolls back to the first revision, and waits until nothing of the second is left.
pub(crate) async fn back(app: &App) -> Result<()> {
    app.annotate(keys::COMMAND, "rollback 2 back").await?;
    serves(app, 1, RolloutPhase::Held).await?;
    let green = names::coloured(&app.name, ComponentName::View, Environment::Green);
    let (workloads, services) = (
        app.namespace.api::<Deployment>(),
        app.namespace.api::<Service>(),
    );
    eventually(STEP, "nothing is left of revision 2", async || {
        ensure!(
            workloads.get_opt(&green).await?.is_none(),
            "its workload is"
        );
        ensure!(services.get_opt(&green).await?.is_none(), "its Service is");
        Ok(())
    })
    .await
}

/// What there is in the end, without what differs between two runs that do the same: the objects with what they are for,
/// and what status and records say but for times. That events wait is no part of it.
pub(crate) async fn outcome(app: &App) -> Result<BTreeMap<String, Value>> {
    let namespace = &app.namespace;
    let snapshot = Snapshot::of(namespace).await?;
    let mut all = BTreeMap::new();
    for (id, object) in snapshot.shapes(namespace)? {
        let pointers: &[&str] = match id.split('/').next() {
            Some("Deployment") => &["/spec", "/metadata/labels"],
            Some("Service") => &["/spec/selector", "/spec/ports"],
            Some("ControllerRevision") => &["/revision", "/metadata/labels"],
            Some("RestAPI") => &[
                "/spec",
                "/status/phase",
                "/status/activeEnvironment",
                "/status/blueGreen/phase",
                "/status/blueGreen/serving",
                "/status/blueGreen/goal",
                "/status/blueGreen/revision",
                "/status/observedGeneration",
            ],
            _ => &[],
        };
        let said = pointers.iter().map(|at| (*at, object.pointer(at)));
        let mut said = json!(said.collect::<BTreeMap<_, _>>());
        if id.starts_with("RestAPI/") {
            said["conditions"] = conditions(object.pointer("/status/conditions"));
        }
        all.insert(id, said);
    }
    Ok(all)
}

fn conditions(told: Option<&Value>) -> Value {
    let all = told.and_then(Value::as_array).into_iter().flatten();
    let words = all.map(|condition| {
        let field = |name: &str| condition[name].as_str().unwrap_or_default();
        format!("{}={} {}", field("type"), field("status"), field("reason"))
    });
    let mut words: Vec<_> = words
        .filter(|words| !words.contains("EventsUndelivered"))
        .collect();
    words.sort_unstable();
    json!(words)
}

/// What there is in the end where there is no NATS.
pub(crate) async fn without_nats() -> Result<BTreeMap<String, Value>> {
    static OUTCOME: tokio::sync::OnceCell<BTreeMap<String, Value>> =
        tokio::sync::OnceCell::const_new();
    let found = OUTCOME.get_or_try_init(|| async {
        let mut all = BTreeMap::new();
        namespace::with("events-none", async |namespace| {
            let _managers = Managers::start(&namespace, None).await?;
            all = outcome(&there_and_back(&namespace).await?).await?;
            Ok(())
        })
        .await?;
        anyhow::Ok(all)
    });
    Ok(found.await?.clone())
}

/// That the end is the same as without NATS.
pub(crate) async fn ends_as_without(app: &App) -> Result<()> {
    let expected = without_nats().await?;
    eventually(SAME, "the end is the same", async || {
        let differs = difference(&outcome(app).await?, &expected);
        ensure!(differs.is_empty(), "{differs}");
        Ok(())
    })
    .await
}

fn difference(found: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) -> String {
    let names: std::collections::BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| found.get(*name) != expected.get(*name));
    let lines = differing.map(|name| {
        format!(
            "{name}:\n  {}\n  instead of {}",
            json!(found.get(name)),
            json!(expected.get(name))
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
