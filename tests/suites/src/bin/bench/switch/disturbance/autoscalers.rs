//! Autoscalers whose bounds are moved before each switch, so that they scale whatever the load is.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use restapi_types::{ComponentName, Environment, names};
use serde_json::json;
use suites::app::App;
use suites::wait::eventually;

/// The components that are scaled: the edge, and one that others call.
const SCALED: [ComponentName; 2] = [ComponentName::View, ComponentName::Model];

/// The largest number of pods.
const MOST: i32 = 3;

/// How long it may take until the controller-manager, which looks every 15 s, scales.
const NOTICED: Duration = Duration::from_secs(40);

/// How long pods take to come and go.
const PODS: Duration = Duration::from_secs(4);

/// Creates one for each Deployment of two components, in both environments: one pod each.
pub(super) async fn create(app: &App) -> Result<()> {
    let api = app.namespace.api::<HorizontalPodAutoscaler>();
    for component in SCALED {
        for environment in Environment::ALL {
            let name = names::coloured(&app.name, component, environment);
            let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name});
            let share = json!({"type": "Utilization", "averageUtilization": 80});
            let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": share}});
            let autoscaler = serde_json::from_value(json!({
                "metadata": {"name": name},
                "spec": {
                    "scaleTargetRef": target, "metrics": [metric],
                    "minReplicas": 1, "maxReplicas": 1,
                    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
                },
            }))?;
            api.create(&PostParams::default(), &autoscaler).await?;
        }
    }
    Ok(())
}

/// Has all of them scale to the next number, and returns while the pods of one are coming or going: later each time
/// (`share` of all switches are over).
pub(super) async fn scale(app: &App, share: f64) -> Result<()> {
    let before = all(app).await?;
    let number = before.first().context("there is none")?.spec.as_ref();
    let number = number.and_then(|spec| spec.min_replicas).unwrap_or(1) % MOST + 1;
    let bounds = json!({"spec": {"minReplicas": number, "maxReplicas": number}});
    let api = app.namespace.api::<HorizontalPodAutoscaler>();
    for autoscaler in &before {
        let (name, params) = (autoscaler.name_any(), PatchParams::default());
        api.patch(&name, &params, &Patch::Merge(&bounds)).await?;
    }
    let before = scaled(&before);
    eventually(NOTICED, "an autoscaler has scaled", async || {
        let now = scaled(&all(app).await?);
        ensure!(now != before, "the last times: {now:?}");
        Ok(())
    })
    .await?;
    tokio::time::sleep(PODS.mul_f64(share)).await;
    Ok(())
}

async fn all(app: &App) -> Result<Vec<HorizontalPodAutoscaler>> {
    let api = app.namespace.api::<HorizontalPodAutoscaler>();
    Ok(api.list(&ListParams::default()).await?.items)
}

/// When each has scaled last.
fn scaled(all: &[HorizontalPodAutoscaler]) -> Vec<Option<Time>> {
    let time = |autoscaler: &HorizontalPodAutoscaler| {
        let status = autoscaler.status.as_ref()?;
        status.last_scale_time.clone()
    };
    all.iter().map(time).collect()
}
