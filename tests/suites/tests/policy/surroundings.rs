//! What is told to the manager about its surroundings opens the way for metrics and for traces, and no other.

use anyhow::{Context, Result};
use restapi_types::ComponentName;
use serde_json::json;
use suites::app::{App, four};
use suites::namespace::{self, Namespace};
use suites::reach::{Source, Target, matrix};
use suites::{plain, pods};

use crate::setting::{self, NODES};

/// The model's port for metrics, which makes its own port none.
const METRICS: u16 = 9000;

/// The port of the collector of traces.
const OTLP: u16 = 4317;

/// The components that no stranger may call, with their ports.
const CLOSED: [(ComponentName, u16); 3] = [
    (ComponentName::Controller, 8081),
    (ComponentName::Model, 8080),
    (ComponentName::Repository, 8082),
];

/// Namespaces beside that of the application.
struct Around {
    monitoring: Namespace,
    tracing: Namespace,
}

/// All that packets are sent from and to.
#[derive(Default)]
struct Stage {
    sources: Vec<Source>,
    targets: Vec<Target>,
}

impl Stage {
    /// The application `orders`, and a pod beside it and in each of the other namespaces.
    async fn build(own: &Namespace, around: &Around) -> Result<Self> {
        let image = setting::demo()?;
        let mut spec = four(&image);
        spec["model"] = json!({"extraPorts": [{"name": "metrics", "port": METRICS}]});
        let app = App::create(own, "orders", spec).await?;
        app.ready().await?;
        let mut stage = Self::default();
        let guests = [
            (own, "neighbour", NODES[0]),
            (&around.monitoring, "scraper", NODES[1]),
            (&around.tracing, "collector", NODES[0]),
        ];
        for (namespace, name, node) in guests {
            let pod = plain::pod(namespace, name, node, &image).await?;
            stage.sources.push(Source::pod(name, &pod)?);
            // Nobody listens there: that a connection is refused shows that the packets came through.
            let otlp = plain::address(&pod, OTLP)?;
            stage
                .targets
                .push(Target::tcp(&format!("{name}-otlp"), otlp));
            let other = plain::address(&pod, plain::PORT)?;
            stage.targets.push(Target::tcp(name, other));
        }
        stage.add(&app).await?;
        Ok(stage)
    }

    async fn add(&mut self, app: &App) -> Result<()> {
        for (component, port) in CLOSED {
            let name = component.as_str();
            let all = app.pods(Some(name)).await?;
            let pod = all.iter().find(|pod| pods::is_ready(pod));
            let pod = pod.with_context(|| format!("no pod of {name} is ready"))?;
            self.sources.push(Source::pod(name, pod)?);
            self.targets
                .push(Target::tcp(name, plain::address(pod, port)?));
            let metrics = plain::address(pod, METRICS)?;
            self.targets
                .push(Target::tcp(&format!("{name}-metrics"), metrics));
        }
        Ok(())
    }

    async fn is(&self, what: &str, reaches: impl Fn(&str, &str) -> bool) -> Result<()> {
        matrix(what, &self.sources, &self.targets, reaches).await
    }
}

fn is_component(name: &str) -> bool {
    CLOSED
        .iter()
        .any(|(component, _)| component.as_str() == name)
}

/// What is reached while the manager knows of no monitoring and no collector.
fn unknown(from: &str, to: &str) -> bool {
    let of = |to: &str| to.split('-').next().is_some_and(is_component);
    let is_own = to.split('-').next() == Some(from);
    match (is_component(from), of(to)) {
        _ if is_own => true,
        // The egress of a component allows the port of the model's metrics to all of the application, whose
        // ingress refuses it at the others.
        (true, true) => is_component(to) || to == "model-metrics",
        (true, false) | (false, true) => false,
        (false, false) => true,
    }
}

/// What is reached beyond that once it knows.
fn known(from: &str, to: &str) -> bool {
    let scraped = ["controller", "repository", "model-metrics"];
    let added = match from {
        "scraper" => scraped.contains(&to),
        from if is_component(from) => to == "collector-otlp",
        _ => false,
    };
    added || unknown(from, to)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_and_traces_pass_where_the_manager_is_told_so() -> Result<()> {
    setting::alone("surroundings", async |own| {
        namespace::with("monitoring", async |monitoring| {
            namespace::with("tracing", async |tracing| {
                let around = Around {
                    monitoring,
                    tracing,
                };
                told(&own, &around).await
            })
            .await
        })
        .await
    })
    .await
}

async fn told(own: &Namespace, around: &Around) -> Result<()> {
    let stage = Stage::build(own, around).await?;
    stage.is("nothing is told: neither passes", unknown).await?;
    let seen = async {
        let monitoring = format!("MONITORING_NAMESPACE={}", around.monitoring.name);
        let tracing = format!("APP_OTLP_NAMESPACE={}", around.tracing.name);
        setting::manager_env(own, &[&monitoring, &tracing]).await?;
        stage.is("both are told: both pass", known).await
    };
    let seen = seen.await;
    setting::manager_env(own, &["MONITORING_NAMESPACE-", "APP_OTLP_NAMESPACE-"]).await?;
    seen?;
    stage.is("neither passes again", unknown).await
}
