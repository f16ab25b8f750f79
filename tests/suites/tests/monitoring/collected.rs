//! A rollout and a way back, under load: afterwards every panel shows something, every rule is evaluated, and a figure
//! leads to its trace.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use restapi_types::status::RolloutPhase;
use restapi_types::{ComponentName, keys};
use serde_json::{Value, json};
use suites::app::{self, App};
use suites::env::variable;
use suites::jaeger::Jaeger;
use suites::load::Load;
use suites::namespace::{self, Namespace};
use suites::prometheus::{Prometheus, Series};
use suites::wait::eventually;

/// How long a rollout may take.
const ROLLED_OUT: Duration = Duration::from_mins(4);

/// How long until what happened is collected: a few scrapes.
const COLLECTED: Duration = Duration::from_mins(2);

/// Over what time is asked.
const LAST: Duration = Duration::from_mins(15);

fn repository() -> Result<PathBuf> {
    Ok(PathBuf::from(variable("RESTAPI_REPO")?))
}

async fn phase(app: &App, serving: i64, phase: RolloutPhase) -> Result<()> {
    let what = format!("serves revision {serving} and is {phase:?}");
    app.until(&what, ROLLED_OUT, |restapi| {
        let told = restapi.rollout()?;
        (told.serving == Some(serving) && told.phase == Some(phase)).then_some(())
    })
    .await
}

/// One revision replaces another and is rolled back from, under load.
async fn there_and_back(namespace: &Namespace) -> Result<Load> {
    let mut spec = app::four(&variable("RESTAPI_TEST_DEMO_IMAGE")?);
    spec["blueGreen"] = json!({
        "stableSeconds": 2, "drainSeconds": 5, "retention": {"hotSeconds": 600},
        "preSwitch": [{
            "name": "answers",
            "http": {"component": "view", "path": "/api/chain"},
        }],
    });
    let app = App::create(namespace, "orders", spec).await?;
    app.ready().await?;
    app.answers().await?;
    let edge = app.address(ComponentName::View).await?;
    let load = Load::start(edge, ComponentName::View, 20);
    let next = variable("RESTAPI_TEST_DEMO_IMAGE_NEXT")?;
    app.change(json!({"image": next})).await?;
    phase(&app, 2, RolloutPhase::Retaining).await?;
    app.annotate(keys::COMMAND, "rollback 2 first").await?;
    phase(&app, 1, RolloutPhase::Held).await?;
    Ok(load)
}

/// The title and the query of every panel of all dashboards, as Prometheus gets it while all is chosen.
fn queries() -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(repository()?.join("deploy/grafana/dashboards"))? {
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file?.path())?)?;
        let title = dashboard["title"].as_str().unwrap_or_default();
        for panel in dashboard["panels"].as_array().into_iter().flatten() {
            let name = format!("{title}: {}", panel["title"]);
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = target["expr"]
                    .as_str()
                    .context("a target without a query")?;
                all.push((name.clone(), chosen(&dashboard, query)?));
            }
        }
    }
    ensure!(!all.is_empty(), "there is no dashboard");
    Ok(all)
}

fn chosen(dashboard: &Value, query: &str) -> Result<String> {
    let mut query = query.replace("$__rate_interval", "1m");
    let variables = dashboard["templating"]["list"].as_array();
    for variable in variables.into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        let value = variable["allValue"].as_str().unwrap_or_default();
        query = query.replace(&format!("${name}"), value);
    }
    ensure!(!query.contains('$'), "{query} is not complete");
    Ok(query)
}

/// That every query finds numbers.
async fn every_panel_shows_something(prometheus: &Prometheus) -> Result<()> {
    for (panel, query) in queries()? {
        eventually(COLLECTED, &panel, async || {
            let found = prometheus.over(&query, LAST).await?;
            ensure!(found.iter().any(Series::has_number), "nothing for {query}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// That every rule of the files is loaded, and could be evaluated.
async fn every_rule_is_evaluated(prometheus: &Prometheus) -> Result<()> {
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(repository()?.join("deploy/prometheus/rules"))? {
        let text = std::fs::read_to_string(file?.path())?;
        let lines = text.lines().map(str::trim_start);
        let names = lines.filter_map(|line| line.strip_prefix("- alert: "));
        written.extend(names.map(str::to_owned));
    }
    eventually(COLLECTED, "every rule is evaluated", async || {
        let rules = prometheus.rules().await?;
        let ill = rules.iter().find(|rule| rule.health != "ok");
        ensure!(ill.is_none(), "{ill:?}");
        let alerts = rules.into_iter().filter(|rule| rule.state.is_some());
        let loaded: BTreeSet<_> = alerts.map(|rule| rule.name).collect();
        ensure!(loaded == written, "loaded are {loaded:?}");
        Ok(())
    })
    .await
}

/// That the managers tell nothing that their reference leaves out.
async fn the_reference_is_complete(prometheus: &Prometheus) -> Result<()> {
    let reference = repository()?.join("docs/reference/metrics.md");
    let reference = std::fs::read_to_string(reference)?;
    let told = prometheus.names("{job=~\"core-reconciler|bluegreen-manager\"}");
    let of_prometheus = |name: &str| name == "up" || name.starts_with("scrape_");
    for name in told.await?.iter().filter(|name| !of_prometheus(name)) {
        let suffixes = ["_bucket", "_sum", "_count"];
        let mut metric = suffixes
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix));
        let metric = metric.next().unwrap_or(name);
        ensure!(
            reference.contains(&format!("| `{metric}` |")),
            "{name} is not in it"
        );
    }
    Ok(())
}

/// That a measured rollout leads to its trace in Jaeger.
async fn a_figure_leads_to_its_trace(prometheus: &Prometheus, jaeger: &Jaeger) -> Result<()> {
    let query = "restapi_rollout_duration_seconds_bucket";
    let traces = eventually(COLLECTED, "an exemplar is kept", async || {
        let traces = prometheus.traces(query, LAST).await?;
        ensure!(!traces.is_empty(), "there is none");
        Ok(traces)
    });
    for trace in traces.await? {
        let has_rollout = |trace: &suites::jaeger::Trace| trace.one("rollout").map(drop);
        jaeger.trace(&trace, COLLECTED, has_rollout).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_collected_shown_and_watched() -> Result<()> {
    namespace::with("watched", async |namespace| {
        let prometheus = Prometheus::installed(&namespace.client).await?;
        let jaeger = Jaeger::installed(&namespace.client).await?;
        let load = there_and_back(&namespace).await?;
        every_panel_shows_something(&prometheus).await?;
        every_rule_is_evaluated(&prometheus).await?;
        the_reference_is_complete(&prometheus).await?;
        a_figure_leads_to_its_trace(&prometheus, &jaeger).await?;
        load.stop().await?;
        Ok(())
    })
    .await
}
