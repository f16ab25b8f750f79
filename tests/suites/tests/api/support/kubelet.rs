//! Plays the kubelet: there are no nodes, so a test says itself that pods run.

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use suites::namespace::Namespace;

/// Makes every pod of the application ready that is not; what follows from that is the
/// controller-manager's.
pub async fn run_pods(ns: &Namespace, app: &str) -> Result<()> {
    let api = ns.api::<Pod>();
    let of_app = ListParams::default().labels(&format!("app.kubernetes.io/instance={app}"));
    for pod in api
        .list(&of_app)
        .await?
        .items
        .iter()
        .filter(|pod| !is_ready(pod))
    {
        let now = jiff::Timestamp::now();
        let true_ = |type_| json!({"type": type_, "status": "True", "lastTransitionTime": now});
        let status = json!({"status": {
            "phase": "Running",
            "startTime": now,
            "conditions": [true_("PodScheduled"), true_("ContainersReady"), true_("Ready")],
        }});
        let patched = api
            .patch_status(
                &pod.name_any(),
                &PatchParams::default(),
                &Patch::Strategic(status),
            )
            .await;
        match patched {
            // A pod that was replaced in the meantime.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// Plays the controller of EndpointSlices, which wants pods to be on nodes: says that `address`, and no other, is
/// behind the Service of that name.
pub async fn serve(ns: &Namespace, service: &str, address: &str) -> Result<()> {
    let name = format!("{service}-played");
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {
            "kubernetes.io/service-name": service,
            "endpointslice.kubernetes.io/managed-by": "test-suite",
        }},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
    });
    let params = PatchParams::apply("test-suite").force();
    ns.api::<EndpointSlice>()
        .patch(&name, &params, &Patch::Apply(&slice))
        .await?;
    Ok(())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|s| s.conditions.as_deref())
        .unwrap_or_default();
    conditions
        .iter()
        .any(|c| c.type_ == "Ready" && c.status == "True")
}
