//! What the operator's `NetworkPolicies` let through to an application and out of it: every pair is tried.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use restapi_types::ComponentName;
use serde_json::{Value, json};
use suites::app::App;
use suites::namespace::{self, Namespace};
use suites::reach::{Source, Target, matrix};
use suites::{plain, pods};

use crate::setting::{self, NODES};

/// The components, by the names of their pods in the tables, with their ports.
const COMPONENTS: [(ComponentName, u16); 4] = [
    (ComponentName::View, 3000),
    (ComponentName::Controller, 8081),
    (ComponentName::Model, 8080),
    (ComponentName::Repository, 8082),
];

/// A port of the components at which nobody listens: refused when packets come through.
const NO_PORT: u16 = 9999;

/// The labels by which the managers are known.
const COMPONENT: &str = "app.kubernetes.io/component";
const PART_OF: &str = "app.kubernetes.io/part-of";

/// The name of a pod of this test in the managers' namespace.
fn guest(own: &Namespace, name: &str) -> String {
    format!("{}-{name}", own.name)
}

/// All that packets are sent from and to.
struct Stage {
    app: App,
    sources: Vec<Source>,
    targets: Vec<Target>,
}

impl Stage {
    /// The application `orders`, a pod beside it, one in another namespace, those where the managers are, and the
    /// machine.
    async fn build(own: &Namespace, other: &Namespace) -> Result<Self> {
        let image = setting::demo()?;
        let app = App::orders(own, &image).await?;
        let mut stage = Self {
            app,
            sources: vec![Source::machine()],
            targets: Vec::new(),
        };
        stage.beside_the_managers(own, &image).await?;
        for (namespace, name, node) in
            [(own, "neighbour", NODES[0]), (other, "foreigner", NODES[1])]
        {
            let pod = plain::pod(namespace, name, node, &image).await?;
            stage.sources.push(Source::pod(name, &pod)?);
            let at = plain::address(&pod, plain::PORT)?;
            stage.targets.push(Target::tcp(name, at));
        }
        for (component, port) in COMPONENTS {
            let name = component.as_str();
            let pod = stage.pod(name).await?;
            stage.sources.push(Source::pod(name, &pod)?);
            let at = |port| plain::address(&pod, port);
            stage.targets.push(Target::tcp(name, at(port)?));
            stage
                .targets
                .push(Target::tcp(&format!("{name}-other"), at(NO_PORT)?));
        }
        let dns = setting::dns(own).await?;
        stage.targets.push(Target::dns("dns", dns));
        let api = setting::api_server(own).await?;
        stage.targets.push(Target::tcp("api-server", api));
        Ok(stage)
    }

    /// A pod that has the labels of a manager (the managers themselves may not send to everybody), and one that is
    /// only where they are.
    async fn beside_the_managers(&mut self, own: &Namespace, image: &str) -> Result<()> {
        let system = setting::system(own);
        let labels = [
            (
                "manager",
                json!({COMPONENT: "manager", PART_OF: "restapi-operator"}),
            ),
            ("beside", json!({})),
        ];
        for (name, labels) in labels {
            let full = guest(own, name);
            let pod = plain::labelled(&system, &full, NODES[1], image, labels).await?;
            self.sources.push(Source::pod(name, &pod)?);
        }
        Ok(())
    }

    async fn pod(&self, component: &str) -> Result<Pod> {
        let pods = self.app.pods(Some(component)).await?;
        let pod = pods.into_iter().find(pods::is_ready);
        pod.with_context(|| format!("no pod of {component} is ready"))
    }

    async fn is(&self, what: &str, reaches: impl Fn(&str, &str) -> bool) -> Result<()> {
        matrix(what, &self.sources, &self.targets, reaches).await
    }
}

fn is_component(name: &str) -> bool {
    COMPONENTS
        .iter()
        .any(|(component, _)| component.as_str() == name)
}

/// What is reached with the policies as they are by default.
fn by_default(from: &str, to: &str) -> bool {
    if from == to || to.strip_suffix("-other") == Some(from) {
        // Nothing keeps a pod from itself.
        return true;
    }
    match (is_component(from), to) {
        // Out of the application: to the other components, and to ask for names.
        (true, to) => is_component(to) || to == "dns",
        // Into it: from anywhere to the view, from the managers to all.
        (false, to) if is_component(to) => to == "view" || from == "manager",
        (false, to) => !to.ends_with("-other"),
    }
}

/// A spec that lets the neighbour in to the model, everybody to the controller, and all out to the foreigners'
/// namespace.
fn more(foreign: &str) -> Value {
    let port = json!([{"port": plain::PORT, "protocol": "TCP"}]);
    let neighbour = json!({"podSelector": {"matchLabels": {"app": "neighbour"}}});
    let foreigners = json!({"kubernetes.io/metadata.name": foreign});
    let foreigners = json!({"namespaceSelector": {"matchLabels": foreigners}});
    json!({
        "networkPolicy": {"egress": [{"to": [foreigners], "ports": port}]},
        "model": {"networkPolicy": {"ingress": [{"from": [neighbour], "ports": port}]}},
        "controller": {"exposed": true},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_an_application_needs_passes() -> Result<()> {
    setting::shared("application", async |own| {
        namespace::with("elsewhere", async |other| {
            let stage = Stage::build(&own, &other).await?;
            stage.is("only what is needed passes", by_default).await?;

            stage.app.change(more(&other.name)).await?;
            let with_more = |from: &str, to: &str| {
                let added = match (from, to) {
                    ("neighbour", "model") | (_, "controller") => true,
                    (from, "foreigner") => is_component(from),
                    _ => false,
                };
                added || by_default(from, to)
            };
            stage.is("what the spec adds passes too", with_more).await?;

            stage
                .app
                .change(json!({"networkPolicy": {"enabled": false}}))
                .await?;
            stage.is("without policies all pass", |_, _| true).await?;
            for name in ["manager", "beside"] {
                let api = setting::system(&own).api::<Pod>();
                let name = guest(&own, name);
                api.delete(&name, &DeleteParams::default()).await?;
            }
            Ok(())
        })
        .await
    })
    .await
}
