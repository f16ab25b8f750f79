//! A cluster that a test makes beside the one that it runs on: it survives the death of all its processes,
//! and leaves nothing behind.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt as _};

use crate::env::Env;
use crate::machine::{self, LocalCluster, Machine};
use crate::pods;
use crate::task::{cluster, xtask};
use crate::wait::{eventually, timed};

/// How long the pods of a cluster that was brought back may take to run.
const RUNNING: Duration = Duration::from_secs(90);

/// Makes a cluster with these arguments of `cargo xtask up`, kills all its processes, brings it back and takes
/// it down: what was stored is there again, and at the end the machine is as it was.
///
/// # Errors
/// When anything of that is not so.
pub async fn crash_and_remove(env: &Env, up: &[&str]) -> Result<()> {
    let name = format!("{}-scratch", cluster()?);
    xtask(&["down", "--name", &name]).await?;
    let before = Machine::now()?;
    xtask(&[&["up", "--name", &name], up].concat()).await?;
    let scratch = LocalCluster::read(folder(env, &name)?)?;
    let made = Machine::now()?.changes_since(&before, &scratch);
    ensure!(
        !made.is_empty(),
        "a cluster is up and nothing of it was found on the machine"
    );
    let result = crash_and_recover(env, &scratch, &name).await;
    let down = xtask(&["down", "--name", &name]).await;
    result?;
    down?;
    let left = scratch.processes()?;
    ensure!(left.is_empty(), "processes are left: {left:?}");
    let folder = scratch.folder.display();
    ensure!(!scratch.folder.exists(), "{folder} is left");
    let changes = Machine::now()?.changes_since(&before, &scratch);
    ensure!(
        changes.is_empty(),
        "left behind or taken along:\n{}",
        changes.join("\n")
    );
    xtask(&["status", "--name", &cluster()?]).await?;
    Ok(())
}

async fn crash_and_recover(env: &Env, scratch: &LocalCluster, name: &str) -> Result<()> {
    let env = Env {
        kubeconfig: scratch.folder.join("kubeconfig"),
        ..env.clone()
    };
    let client = env.client().await?;
    let mut kept = ConfigMap::default();
    kept.metadata.name = Some("kept".to_owned());
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    maps.create(&PostParams::default(), &kept).await?;
    let containers = running(&client).await?;

    eventually(
        Duration::from_secs(10),
        "every process of the cluster is dead",
        async || {
            let alive = scratch.processes()?;
            machine::kill_all(&alive);
            ensure!(alive.is_empty(), "still alive: {alive:?}");
            Ok(())
        },
    )
    .await?;
    xtask(&["up", "--name", name]).await?;

    let client = env.client().await?;
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    ensure!(
        maps.get_opt("kept").await?.is_some(),
        "what was stored is lost"
    );
    timed(
        RUNNING,
        "the pods run again, in new containers",
        async || {
            let again = running(&client).await?;
            ensure!(
                again.iter().all(|id| !containers.contains(id)),
                "some still seem to run"
            );
            Ok(())
        },
    )
    .await?;
    xtask(&["status", "--name", name]).await?;
    Ok(())
}

/// The ids of the containers of the cluster's own pods, once all of these are ready and the node is.
async fn running(client: &Client) -> Result<Vec<String>> {
    eventually(RUNNING, "the node and its pods are ready", async || {
        for node in Api::<Node>::all(client.clone())
            .list(&ListParams::default())
            .await?
        {
            let conditions = node
                .status
                .as_ref()
                .and_then(|status| status.conditions.as_ref());
            let mut conditions = conditions.into_iter().flatten();
            let ready = conditions.any(|c| c.type_ == "Ready" && c.status == "True");
            ensure!(ready, "{} is not ready", node.name_any());
        }
        let system = "kube-system";
        let deployments = Api::<Deployment>::namespaced(client.clone(), system);
        for deployment in deployments.list(&ListParams::default()).await? {
            let status = deployment.status.clone().unwrap_or_default();
            let name = deployment.name_any();
            ensure!(
                status.available_replicas >= Some(1),
                "{name} is not available"
            );
        }
        let all = Api::<Pod>::namespaced(client.clone(), system);
        let ready = all
            .list(&ListParams::default())
            .await?
            .into_iter()
            .filter(pods::is_ready);
        let containers: Vec<String> = ready
            .filter_map(|pod| pod.status?.container_statuses)
            .flatten()
            .filter_map(|container| container.container_id)
            .collect();
        ensure!(!containers.is_empty(), "no pod is ready");
        Ok(containers)
    })
    .await
}

/// The folder of the cluster `name`, beside that of the cluster under test.
fn folder(env: &Env, name: &str) -> Result<PathBuf> {
    let cluster = env.kubeconfig.parent();
    let cluster = cluster.context("the kubeconfig is in no folder")?;
    Ok(cluster.with_file_name(name))
}
