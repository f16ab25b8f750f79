//! Replicas that an autoscaler decides.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::eventually;

use super::support::apps::{IMAGE, change, create, ready, settled};
use super::support::{SOON, run};

const DEPLOYMENT: &str = "orders-view-blue";

async fn replicas(ns: &Namespace) -> Result<i32> {
    let deployment = ns.api::<Deployment>().get(DEPLOYMENT).await?;
    let spec = deployment.spec.context("it has no spec")?;
    spec.replicas.context("it has no number")
}

/// Scales as an autoscaler does: through the subresource.
async fn scale(ns: &Namespace, replicas: i32) -> Result<()> {
    let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    let api = ns.api::<Deployment>();
    api.patch_scale(DEPLOYMENT, &PatchParams::default(), &scale)
        .await?;
    Ok(())
}

async fn autoscale(ns: &Namespace) -> Result<()> {
    let hpa = serde_json::from_value(json!({
        "metadata": {"name": "view"},
        "spec": {
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT},
        },
    }))?;
    let api = ns.api::<HorizontalPodAutoscaler>();
    api.create(&PostParams::default(), &hpa).await?;
    Ok(())
}

/// Waits until no field manager of ours but the one that holds it has `replicas`.
async fn handed_over(ns: &Namespace) -> Result<()> {
    eventually(SOON, "replicas are the autoscaler's", async || {
        let deployment = ns.api::<Deployment>().get(DEPLOYMENT).await?;
        let owns = |manager: &str| {
            let mut entries = deployment.managed_fields().iter();
            entries.any(|e| {
                e.manager.as_deref() == Some(manager)
                    && e.operation.as_deref() == Some("Apply")
                    && json!(e.fields_v1)["f:spec"]["f:replicas"].is_object()
            })
        };
        ensure!(!owns("restapi-workloads"), "ours still has them");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn replicas_are_never_forced_and_never_fall() -> Result<()> {
    run("autoscaled", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        let spec = json!({"image": IMAGE, "view": {"replicas": 2}});
        create(&ns, "orders", &spec).await?;
        ready(&ns, "orders").await?;
        scale_only_after_hand_over(&ns).await?;
        // A new revision, a change of the number: the autoscaler's number stays.
        change(
            &ns,
            "orders",
            &json!({"view": {"replicas": 4, "args": ["--new"]}}),
        )
        .await?;
        settled(&ns).await?;
        ensure!(replicas(&ns).await? == 6, "{}", replicas(&ns).await?);
        // It goes, and the author's number counts again.
        let api = ns.api::<HorizontalPodAutoscaler>();
        api.delete("view", &DeleteParams::default()).await?;
        eventually(SOON, "the author's number counts", async || {
            let now = replicas(&ns).await?;
            ensure!(now == 4, "{now}");
            Ok(())
        })
        .await
    })
    .await
}

/// Lets an autoscaler appear and scale to 6, and looks that the number was never another one.
async fn scale_only_after_hand_over(ns: &Namespace) -> Result<()> {
    autoscale(ns).await?;
    handed_over(ns).await?;
    ensure!(replicas(ns).await? == 2, "the hand-over changed the number");
    scale(ns, 6).await?;
    settled(ns).await?;
    ensure!(replicas(ns).await? == 6, "it was scaled back");
    Ok(())
}

#[tokio::test]
async fn without_a_number_of_the_author_s_the_live_one_stays_when_the_autoscaler_goes() -> Result<()>
{
    run("autoscaled-off", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &json!({"image": IMAGE, "view": {}})).await?;
        ready(&ns, "orders").await?;
        autoscale(&ns).await?;
        handed_over(&ns).await?;
        scale(&ns, 5).await?;
        let api = ns.api::<HorizontalPodAutoscaler>();
        api.delete("view", &DeleteParams::default()).await?;
        settled(&ns).await?;
        // Two changes: each apply after the hand-back carries the number.
        for word in ["--one", "--two"] {
            change(&ns, "orders", &json!({"view": {"args": [word]}})).await?;
            settled(&ns).await?;
            let now = replicas(&ns).await?;
            ensure!(now == 5, "{now} after {word}");
        }
        Ok(())
    })
    .await
}
