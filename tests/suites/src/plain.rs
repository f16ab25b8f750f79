//! Pods of the demo application that no operator made: neighbours, clients and strangers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::namespace::Namespace;
use crate::pods;
use crate::wait::eventually;

/// The port that they listen on.
pub const PORT: u16 = 8080;

/// How long one may take to be ready, on a machine that is busy.
const READY: Duration = Duration::from_mins(1);

/// Makes the pod `name` on `node`, which plays the demo's model and has the label `app: NAME`, and waits until
/// it is ready.
///
/// # Errors
/// When it is refused or isn't ready within a minute.
pub async fn pod(namespace: &Namespace, name: &str, node: &str, image: &str) -> Result<Pod> {
    labelled(namespace, name, node, image, json!({"app": name})).await
}

/// As [`pod`], with these labels.
///
/// # Errors
/// As [`pod`].
pub async fn labelled(
    namespace: &Namespace,
    name: &str,
    node: &str,
    image: &str,
    labels: Value,
) -> Result<Pod> {
    let api = namespace.api::<Pod>();
    let pod = serde_json::from_value(json!({
        "metadata": {"name": name, "labels": labels},
        "spec": spec(node, image),
    }))?;
    let created = api.create(&PostParams::default(), &pod).await;
    created.with_context(|| format!("creating the pod {name}"))?;
    eventually(READY, &format!("the pod {name} is ready"), async || {
        let pod = api.get(name).await?;
        ensure!(pods::is_ready(&pod), "{:?}", pods::waiting(&pod));
        Ok(pod)
    })
    .await
}

/// Makes a Service of this name for the pods with the label `app: NAME`.
///
/// # Errors
/// When it is refused.
pub async fn service(namespace: &Namespace, name: &str) -> Result<SocketAddr> {
    let service = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": PORT}]},
    }))?;
    let api = namespace.api::<Service>();
    let created: Service = api.create(&PostParams::default(), &service).await?;
    let address = created.spec.and_then(|spec| spec.cluster_ip);
    let address = address.with_context(|| format!("the Service {name} has no address"))?;
    Ok(SocketAddr::new(address.parse()?, PORT))
}

/// The address of a pod's port.
///
/// # Errors
/// When it has no address yet.
pub fn address(pod: &Pod, port: u16) -> Result<SocketAddr> {
    Ok(SocketAddr::new(pods::address(pod)?.parse()?, port))
}

/// Within the restricted Pod Security Standard, so that it may run anywhere.
fn spec(node: &str, image: &str) -> Value {
    json!({
        "nodeName": node,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": false,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{
            "name": "demo",
            "image": image,
            "env": [{"name": "RESTAPI_COMPONENT", "value": "model"}],
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
            },
        }],
    })
}
