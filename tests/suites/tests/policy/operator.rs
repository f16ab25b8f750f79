//! The operator's own `NetworkPolicy`: what its pods may reach, and who reaches them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::ListParams;
use suites::namespace::{self, Namespace};
use suites::reach::{Source, Target, matrix};
use suites::wait::eventually;
use suites::{plain, pods};

use crate::setting::{self, NODES};

/// Where the operator is installed.
const OPERATOR: &str = "restapi-system";

/// The port of its metrics and probes.
const METRICS: u16 = 9090;

/// How long its pods may take to run.
const RUNNING: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_reaches_the_api_server_and_names_and_nothing_else() -> Result<()> {
    namespace::with("manager", async |own| {
        let manager = manager(&own).await?;
        let pod = plain::pod(&own, "pod", NODES[0], &setting::demo()?).await?;
        let sources = [Source::pod("manager", &manager)?, Source::pod("pod", &pod)?];
        let targets = [
            Target::tcp("api-server", api_server(&own).await?),
            Target::dns("dns", setting::dns(&own).await?),
            Target::tcp("pod", plain::address(&pod, plain::PORT)?),
            Target::tcp("metrics", plain::address(&manager, METRICS)?),
            Target::tcp("other-port", plain::address(&manager, plain::PORT)?),
        ];
        let reaches = |from: &str, to: &str| match (from, to) {
            ("manager", to) => {
                matches!(to, "api-server" | "dns") || to == "other-port" || to == "metrics"
            }
            (_, to) => to != "other-port",
        };
        // Of itself a pod is never kept: the last two are of interest for the other pod alone.
        matrix("only what is allowed", &sources, &targets, reaches).await
    })
    .await
}

/// A running pod of core-reconciler.
async fn manager(namespace: &Namespace) -> Result<Pod> {
    let api = Api::<Pod>::namespaced(namespace.client.clone(), OPERATOR);
    let ours = ListParams::default().labels("app.kubernetes.io/name=core-reconciler");
    eventually(RUNNING, "a manager runs", async || {
        let all = api.list(&ours).await?.items;
        let running = all.into_iter().find(pods::is_ready);
        ensure!(running.is_some(), "no pod of core-reconciler is ready");
        running.context("there is one")
    })
    .await
}

/// The address of the API server's Service.
async fn api_server(namespace: &Namespace) -> Result<SocketAddr> {
    let api = Api::<Service>::namespaced(namespace.client.clone(), "default");
    let service = api.get("kubernetes").await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip);
    let address = address.context("the API server's Service has no address")?;
    Ok(SocketAddr::new(address.parse()?, 443))
}
