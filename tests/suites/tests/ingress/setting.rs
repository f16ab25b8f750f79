//! What the tests of this suite share.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::{Value, json};
use suites::authority::Identity;
use suites::env::variable;
use suites::namespace::Namespace;
use suites::wait::eventually;

/// How long a new route may take to be served.
pub(crate) const ROUTED: Duration = Duration::from_secs(30);

/// The name of traefik's classes of Ingresses and Gateways.
pub(crate) const CLASS: &str = "traefik";

/// The reference of the demo's image.
pub(crate) fn demo() -> Result<String> {
    variable("RESTAPI_TEST_DEMO_IMAGE")
}

/// Where plain requests go.
pub(crate) fn http() -> Result<SocketAddr> {
    Ok(variable("RESTAPI_TEST_INGRESS_HTTP")?.parse()?)
}

/// Where encrypted requests go.
pub(crate) fn https() -> Result<SocketAddr> {
    Ok(variable("RESTAPI_TEST_INGRESS_HTTPS")?.parse()?)
}

/// Objects of a kind of the Gateway API, which this repository has no types of.
pub(crate) fn gateway_api(namespace: &Namespace, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", kind);
    let resource = ApiResource::from_gvk(&kind);
    Api::namespaced_with(namespace.client.clone(), &namespace.name, &resource)
}

/// Creates an object of a kind of the Gateway API.
pub(crate) async fn create(
    namespace: &Namespace,
    kind: &str,
    name: &str,
    spec: Value,
) -> Result<()> {
    let api = gateway_api(namespace, kind);
    let object = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind,
        "metadata": {"name": name}, "spec": spec,
    });
    let created = api
        .create(&PostParams::default(), &serde_json::from_value(object)?)
        .await;
    created.with_context(|| format!("creating the {kind} {name}"))?;
    Ok(())
}

/// Makes a Secret of a certificate.
pub(crate) async fn secret(namespace: &Namespace, name: &str, identity: &Identity) -> Result<()> {
    let secret = serde_json::from_value(json!({
        "metadata": {"name": name},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": identity.certificate, "tls.key": identity.key},
    }))?;
    let api = namespace.api::<Secret>();
    api.create(&PostParams::default(), &secret).await?;
    Ok(())
}

/// Waits until `ask` answers with this code.
pub(crate) async fn answers(
    what: &str,
    code: u16,
    mut ask: impl AsyncFnMut() -> Result<(u16, String)>,
) -> Result<String> {
    eventually(ROUTED, what, async || {
        let (seen, body) = ask().await?;
        ensure!(seen == code, "the answer is {seen}: {body}");
        Ok(body)
    })
    .await
}
