//! What the tests of this suite share.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{Value, json};
use suites::namespace::Namespace;

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
