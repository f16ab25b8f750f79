//! A pod gets such an image with the Secret, and none without it.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use serde_json::{Value, json};
use suites::namespace::{self, Namespace};
use suites::pods;
use suites::wait::eventually;

use crate::setting;

/// How long a pod may take to be ready, its image pulled.
const READY: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_pod_gets_the_image_with_the_secret_and_not_without() -> Result<()> {
    namespace::with("pulling", async |namespace| {
        create(&namespace, "without", json!([])).await?;
        let api = namespace.api::<Pod>();
        eventually(READY, "the image is refused", async || {
            let pod = api.get("without").await?;
            let waiting = pods::waiting(&pod);
            let message = waiting.and_then(|waiting| waiting.message.clone());
            let message = message.unwrap_or_default();
            ensure!(message.contains("401 Unauthorized"), "{waiting:?}");
            Ok(())
        })
        .await?;
        setting::pull_secret(&namespace, "login").await?;
        create(&namespace, "with", json!([{"name": "login"}])).await?;
        eventually(READY, "the image is pulled", async || {
            let pod = api.get("with").await?;
            ensure!(pods::is_ready(&pod), "{:?}", pods::waiting(&pod));
            Ok(())
        })
        .await
    })
    .await
}

async fn create(namespace: &Namespace, name: &str, secrets: Value) -> Result<()> {
    let pod = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "imagePullSecrets": secrets,
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "demo",
                "image": setting::image()?,
                "imagePullPolicy": "Always",
                "env": [{"name": "RESTAPI_COMPONENT", "value": "model"}],
            }],
        },
    }))?;
    let api = namespace.api::<Pod>();
    api.create(&PostParams::default(), &pod).await?;
    Ok(())
}
