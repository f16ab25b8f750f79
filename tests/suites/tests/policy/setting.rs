//! What the tests of this suite share.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use suites::namespace::{self, Namespace};
use suites::pods;
use suites::wait::eventually;
use tokio::sync::RwLock;

/// Where the operator is installed.
const OPERATOR: &str = "restapi-system";

/// How long its pods may take to run.
const RUNNING: Duration = Duration::from_mins(1);

/// How long they may take to be replaced one by one.
const REPLACED: Duration = Duration::from_mins(2);

/// Held by every test: shared, or alone by those that keep the machine busy or change the manager.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// Runs `test` in a namespace of its own, at the same time as others.
pub(crate) async fn shared(
    test: &str,
    work: impl AsyncFnOnce(Namespace) -> Result<()>,
) -> Result<()> {
    let _others = MACHINE.read().await;
    namespace::with(test, work).await
}

/// Runs `test` in a namespace of its own, while no other runs.
pub(crate) async fn alone(
    test: &str,
    work: impl AsyncFnOnce(Namespace) -> Result<()>,
) -> Result<()> {
    let _nobody = MACHINE.write().await;
    namespace::with(test, work).await
}

/// The nodes of the cluster.
pub(crate) const NODES: [&str; 2] = ["node-1", "node-2"];

/// The reference of the demo's image.
pub(crate) fn demo() -> Result<String> {
    std::env::var("RESTAPI_TEST_DEMO_IMAGE")
        .context("RESTAPI_TEST_DEMO_IMAGE is not set: `cargo xtask test --suite policy` sets it")
}

/// Creates a `NetworkPolicy`.
pub(crate) async fn policy(namespace: &Namespace, name: &str, spec: Value) -> Result<()> {
    let object = json!({"metadata": {"name": name}, "spec": spec});
    let policy: NetworkPolicy = serde_json::from_value(object)?;
    let api = namespace.api::<NetworkPolicy>();
    let created = api.create(&PostParams::default(), &policy).await;
    created.with_context(|| format!("creating the NetworkPolicy {name}"))?;
    Ok(())
}

/// Deletes all `NetworkPolicies` of a namespace.
pub(crate) async fn no_policies(namespace: &Namespace) -> Result<()> {
    let all = ListParams::default();
    let api = namespace.api::<NetworkPolicy>();
    api.delete_collection(&DeleteParams::default(), &all)
        .await?;
    Ok(())
}

/// The address of the cluster's name service.
pub(crate) async fn dns(namespace: &Namespace) -> Result<SocketAddr> {
    let api = Api::<Service>::namespaced(namespace.client.clone(), "kube-system");
    let service = api.get("kube-dns").await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip);
    let address = address.context("the name service has no address")?;
    Ok(SocketAddr::new(address.parse()?, 53))
}

/// The namespace of the operator.
pub(crate) fn system(namespace: &Namespace) -> Namespace {
    Namespace {
        name: OPERATOR.to_owned(),
        ..namespace.clone()
    }
}

/// A running pod of core-reconciler.
pub(crate) async fn manager(namespace: &Namespace) -> Result<Pod> {
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

/// Sets variables of the manager, or takes them away (`NAME-`), and waits until its new pods are ready.
pub(crate) async fn manager_env(namespace: &Namespace, variables: &[&str]) -> Result<()> {
    let deployment = "deployment/core-reconciler";
    let set = ["-n", OPERATOR, "set", "env", deployment];
    let set: Vec<_> = set.iter().chain(variables).copied().collect();
    namespace.env.kubectl(&set).await?;
    let limit = format!("--timeout={}s", REPLACED.as_secs());
    let status = ["-n", OPERATOR, "rollout", "status", deployment, &limit];
    namespace.env.kubectl(&status).await?;
    Ok(())
}

/// The address of the API server's Service.
pub(crate) async fn api_server(namespace: &Namespace) -> Result<SocketAddr> {
    let api = Api::<Service>::namespaced(namespace.client.clone(), "default");
    let service = api.get("kubernetes").await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip);
    let address = address.context("the API server's Service has no address")?;
    Ok(SocketAddr::new(address.parse()?, 443))
}
