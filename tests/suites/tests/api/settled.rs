//! A settled cluster sees no write, whatever the API server makes of what was written.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use suites::manager::Manager;
use suites::namespace::Namespace;

use super::support::apps::{self, IMAGE, create, four, ready, settled};
use super::support::run;

/// How many requests are under way at a time.
const AT_ONCE: usize = 8;

/// How long it may take to settle many applications beside other tests.
const LONG: Duration = Duration::from_mins(4);

/// Fails if `manager` writes within `time`, or anything in the namespace changes.
async fn writes_nothing(ns: &Namespace, manager: &Manager, time: Duration) -> Result<()> {
    let (states, writes) = (
        settled(ns).await?.states(),
        manager.metrics().await?.writes(),
    );
    // Nothing is to happen in this time, so there is no condition to wait for.
    tokio::time::sleep(time).await;
    let written = manager.metrics().await?.writes() - writes;
    ensure!(written < 1.0, "{written} writes in {time:?}");
    let now = suites::audit::Snapshot::of(ns).await?.states();
    let changed: Vec<_> = now
        .iter()
        .filter(|(id, state)| states.get(*id) != Some(state))
        .collect();
    ensure!(
        now.len() == states.len() && changed.is_empty(),
        "changed in {time:?}: {changed:?}"
    );
    Ok(())
}

/// Creates applications of these specs, named `app-0` and so on.
async fn create_all(ns: &Namespace, specs: Vec<Value>) -> Result<()> {
    stream::iter(specs.into_iter().enumerate())
        .map(async |(number, spec)| create(ns, &format!("app-{number}"), &spec).await.map(drop))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

#[tokio::test]
async fn a_hundred_settled_applications_see_no_write_in_a_minute() -> Result<()> {
    run("hundred", async |ns| {
        let manager = Manager::start(&ns, "core").await?;
        // One of all components, and ninety-nine of one or two.
        let spec = |n: usize| match n {
            0 => four(),
            n if n % 2 == 0 => json!({"image": IMAGE, "view": {}, "model": {"replicas": 0}}),
            _ => json!({"image": IMAGE, "view": {}}),
        };
        create_all(&ns, (0..100).map(spec).collect()).await?;
        // Some of them serve: what is to be written differs between those that do and those that don't.
        for number in 0..10 {
            ready(&ns, &format!("app-{number}")).await?;
        }
        apps::settled_within(&ns, LONG).await?;
        writes_nothing(&ns, &manager, Duration::from_mins(1)).await
    })
    .await
}

#[tokio::test]
async fn a_manager_that_starts_again_writes_nothing() -> Result<()> {
    run("restart", async |ns| {
        let manager = Manager::start(&ns, "core").await?;
        create_all(&ns, vec![four(), four()]).await?;
        ready(&ns, "app-0").await?;
        settled(&ns).await?;
        manager.kill().await?;
        let before = suites::audit::Snapshot::of(&ns).await?;
        let manager = Manager::start(&ns, "core-again").await?;
        let reconciled = "every application was reconciled";
        suites::wait::eventually(super::support::SOON, reconciled, async || {
            let metrics = manager.metrics().await?;
            let count = metrics.sum("controller_runtime_reconcile_total", &[]);
            ensure!(count >= 2.0, "{count} reconciles");
            Ok(())
        })
        .await?;
        writes_nothing(&ns, &manager, Duration::from_secs(2)).await?;
        let metrics = manager.metrics().await?;
        let writes = metrics.writes();
        ensure!(writes < 1.0, "{writes} writes since its start");
        let count = metrics.sum("controller_runtime_reconcile_total", &[]);
        ensure!(
            count <= 4.0,
            "{count} reconciles of two applications: before the first lists were complete?"
        );
        ensure!(
            suites::audit::Snapshot::of(&ns).await? == before,
            "something was changed"
        );
        Ok(())
    })
    .await
}

/// Applications whose view has these fields are written once, whether they serve or not.
async fn settle(test: &str, fields: &[Value]) -> Result<()> {
    run(test, async |ns| {
        let manager = Manager::start(&ns, "core").await?;
        let specs = || {
            fields
                .iter()
                .map(|fields| json!({"image": IMAGE, "view": fields}))
        };
        create_all(&ns, specs().chain(specs()).collect()).await?;
        for (number, fields) in fields.iter().enumerate() {
            ready(&ns, &format!("app-{number}"))
                .await
                .with_context(|| fields.to_string())?;
        }
        writes_nothing(&ns, &manager, Duration::from_secs(3)).await
    })
    .await
}

#[tokio::test]
async fn odd_variables_settle() -> Result<()> {
    let variables = [
        json!({"EMPTY": "", "SPACE": " ", "FULL": "x"}),
        json!({"A": "$(RESTAPI_NAME)", "B": "$$(A)", "C": "line\nbreak"}),
        // In an apply, YAML would fold some of these and refuse others.
        json!({"A": "\u{7f}\u{80}\u{9f}", "B": " \u{85} \u{2028}\n\u{2029} ", "C": "\u{feff}\u{ffff}"}),
        json!({}),
    ];
    settle(
        "variables",
        &variables.map(|variables| json!({"envVars": variables})),
    )
    .await
}

#[tokio::test]
async fn odd_command_lines_settle() -> Result<()> {
    let lines = [
        json!({"command": [], "args": [], "resources": {}}),
        json!({"command": ["/run", ""], "args": ["", "--x", "\u{85}\u{7f}"]}),
        json!({"command": [], "args": ["$(RESTAPI_PORT)"]}),
    ];
    settle("commands", &lines).await
}

#[tokio::test]
async fn what_is_stored_otherwise_than_it_is_written_settles() -> Result<()> {
    let probe = |fields: Value| {
        let mut probe = json!({"tcpSocket": {"port": 9300}});
        if let (Some(probe), Value::Object(fields)) = (probe.as_object_mut(), fields) {
            probe.extend(fields);
        }
        json!({"sidecars": [{"name": "proxy", "image": IMAGE, "readinessProbe": probe}]})
    };
    // A period of 0 is stored as 10, which no table of ours says.
    let fields = [
        probe(json!({"periodSeconds": 0})),
        probe(json!({"initialDelaySeconds": 0, "timeoutSeconds": 0})),
    ];
    settle("stored", &fields).await
}

#[tokio::test]
async fn odd_spellings_of_quantities_settle() -> Result<()> {
    let spellings = [
        json!({"requests": {"cpu": "1000m"}, "limits": {"cpu": 1}}),
        json!({"limits": {"cpu": "0.5", "memory": "1024Mi"}}),
        json!({"limits": {"cpu": "1e3", "memory": "1E"}}),
        json!({"requests": {"cpu": "0.001", "memory": "0.5Mi"}}),
        json!({"limits": {"cpu": "+2", "memory": "00128Mi"}}),
        json!({"limits": {"ephemeral-storage": 1_073_741_824_i64, "memory": "128974848000m"}}),
        json!({"requests": {}, "limits": {"cpu": "0"}}),
    ];
    settle(
        "quantities",
        &spellings.map(|resources| json!({"resources": resources})),
    )
    .await
}

#[tokio::test]
async fn quantities_finer_than_milli_settle() -> Result<()> {
    // The API server stores these rounded up to a thousandth.
    let spellings = [
        json!({"requests": {"cpu": "0.0015"}}),
        json!({"limits": {"memory": "0.3"}}),
    ];
    settle(
        "finer",
        &spellings.map(|resources| json!({"resources": resources})),
    )
    .await
}
