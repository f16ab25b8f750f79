//! The default StorageClass of the local cluster: a claim becomes a folder on the node of its first pod, any user
//! may write to it, and it goes with the claim.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use suites::namespace::Namespace;
use suites::wait::timed;

use crate::setting;

/// Who writes: no one that the machine knows.
const USER: u32 = 65532;

/// How long a claim may take to be bound or to go: a pod is started on its node for each, on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// The program that writes: it makes a folder.
const WRITER: &str = "localhost/volume-helper:v1";

#[tokio::test]
async fn a_claim_is_a_folder_that_any_user_may_write_to_and_goes_with_it() -> Result<()> {
    setting::shared("claim", async |namespace| {
        make(&namespace, "node-2").await?;
        let pods = namespace.api::<Pod>();
        timed(LIMIT, "the claim is bound and written to", async || {
            let status = pods.get("writer").await?.status.unwrap_or_default();
            let phase = status.phase.as_deref();
            ensure!(phase == Some("Succeeded"), "the writer is {phase:?}");
            Ok(())
        })
        .await?;
        let folder = folder(&namespace).await?;
        ensure!(
            folder.components().any(|part| part.as_os_str() == "node-2"),
            "{} is not of the pod's node",
            folder.display()
        );
        let written = fs::metadata(folder.join("made"))?;
        ensure!(written.uid() == USER, "written by user {}", written.uid());
        pods.delete("writer", &DeleteParams::default()).await?;
        let claims = namespace.api::<PersistentVolumeClaim>();
        claims.delete("data", &DeleteParams::default()).await?;
        timed(LIMIT, "the folder goes with the claim", async || {
            ensure!(!folder.exists(), "{} is there", folder.display());
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await
}

/// A claim that names no class, and a pod on `node` that writes to it.
async fn make(namespace: &Namespace, node: &str) -> Result<()> {
    let claim = serde_json::from_value(json!({
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "10Mi"}},
        },
    }))?;
    let claims = namespace.api::<PersistentVolumeClaim>();
    claims.create(&PostParams::default(), &claim).await?;
    let pod = serde_json::from_value(json!({
        "metadata": {"name": "writer"},
        "spec": {
            "restartPolicy": "Never",
            "nodeSelector": {"kubernetes.io/hostname": node},
            "securityContext": {"runAsUser": USER, "runAsNonRoot": true, "fsGroup": USER},
            "containers": [{
                "name": "writer", "image": WRITER, "imagePullPolicy": "Never",
                "args": ["-a", "create", "-p", "/data/made"],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    }))?;
    namespace
        .api::<Pod>()
        .create(&PostParams::default(), &pod)
        .await?;
    Ok(())
}

/// Where the claim's data is on this machine.
async fn folder(namespace: &Namespace) -> Result<PathBuf> {
    let claim = namespace.api::<PersistentVolumeClaim>().get("data").await?;
    let volume = claim.spec.and_then(|spec| spec.volume_name);
    let volume = volume.context("the claim has no volume")?;
    let volumes = Api::<PersistentVolume>::all(namespace.client.clone());
    let spec = volumes.get(&volume).await?.spec.unwrap_or_default();
    let path = spec.host_path.context("the volume is no folder")?.path;
    Ok(Path::new(&path).to_owned())
}
