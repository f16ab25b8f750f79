//! Services of type LoadBalancer, whose addresses another controller gives, or none does.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use suites::audit::Snapshot;
use suites::manager::Manager;
use suites::namespace::Namespace;

use super::support::apps::{IMAGE, create, ready, settled};
use super::support::run;

const SERVICE: &str = "orders-view";

/// What a load balancer's controller leaves on a Service: a finalizer, a mark of its own, and the address.
async fn give_address(ns: &Namespace) -> Result<()> {
    let services = ns.api::<Service>();
    let params = PatchParams::default();
    let marks = json!({"metadata": {
        "finalizers": ["service.kubernetes.io/load-balancer-cleanup"],
        "annotations": {"example.com/balancer-id": "b-17"},
    }});
    services
        .patch(SERVICE, &params, &Patch::Merge(marks))
        .await?;
    let address = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}});
    let patch = Patch::Merge(address);
    services.patch_status(SERVICE, &params, &patch).await?;
    Ok(())
}

/// So that the namespace can go: here nothing removes what the address was given by.
async fn release(ns: &Namespace) -> Result<()> {
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let services = ns.api::<Service>();
    services
        .patch(SERVICE, &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_address_is_not_waited_for_and_left_alone_when_it_comes() -> Result<()> {
    run("balancer", async |ns| {
        let manager = Manager::start(&ns, "core").await?;
        let service = json!({
            "type": "LoadBalancer",
            "loadBalancerClass": "example.com/balancer",
            "loadBalancerSourceRanges": ["192.0.2.0/24"],
            "externalTrafficPolicy": "Local",
        });
        let spec = json!({"image": IMAGE, "view": {"service": service}});
        create(&ns, "orders", &spec).await?;
        ready(&ns, "orders").await?;
        settled(&ns).await?;
        let balanced = ns.api::<Service>().get(SERVICE).await?;
        let class = balanced.spec.and_then(|spec| spec.load_balancer_class);
        ensure!(
            class.as_deref() == Some("example.com/balancer"),
            "{class:?}"
        );
        give_address(&ns).await?;
        let before = Snapshot::of(&ns).await?;
        let writes = manager.metrics().await?.writes();
        // Nothing is waited for: this is how long nothing must happen.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let written = manager.metrics().await?.writes() - writes;
        ensure!(
            written < 1.0,
            "{written} writes after the address was given"
        );
        ensure!(Snapshot::of(&ns).await? == before, "something was changed");
        release(&ns).await
    })
    .await
}
