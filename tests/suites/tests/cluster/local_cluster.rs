//! The local cluster itself: it survives the death of all its processes, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use suites::env::Env;
use suites::pods;
use suites::wait::{eventually, timed};

use crate::machine::{self, LocalCluster, Machine};
use crate::setting;

/// The cluster that this test makes beside the one that it runs on.
const SCRATCH: &str = "restapi-scratch";

/// How long the pods of a cluster that was brought back may take to run.
const RUNNING: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_cluster_comes_back_after_a_crash_and_down_leaves_nothing() -> Result<()> {
    setting::alone("machine", async |namespace| {
        setting::xtask(&["down", "--name", SCRATCH]).await?;
        let before = Machine::now()?;
        setting::xtask(&["up", "--name", SCRATCH, "--nodes", "1"]).await?;
        let scratch = LocalCluster::read(folder(&namespace.env.kubeconfig)?)?;
        let made = Machine::now()?.changes_since(&before, &scratch);
        ensure!(
            !made.is_empty(),
            "a cluster is up and nothing of it was found on the machine"
        );
        let result = crash_and_recover(&namespace.env, &scratch).await;
        let down = setting::xtask(&["down", "--name", SCRATCH]).await;
        result?;
        down?;
        let left = scratch.processes()?;
        ensure!(left.is_empty(), "processes are left: {left:?}");
        ensure!(
            !scratch.folder.exists(),
            "{} is left",
            scratch.folder.display()
        );
        let changes = Machine::now()?.changes_since(&before, &scratch);
        ensure!(
            changes.is_empty(),
            "left behind or taken along:\n{}",
            changes.join("\n")
        );
        setting::xtask(&["status", "--name", &setting::cluster()?]).await?;
        Ok(())
    })
    .await
}

async fn crash_and_recover(env: &Env, scratch: &LocalCluster) -> Result<()> {
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
    setting::xtask(&["up", "--name", SCRATCH]).await?;

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
    setting::xtask(&["status", "--name", SCRATCH]).await?;
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

/// The folder of the scratch cluster, beside that of the cluster under test.
fn folder(kubeconfig: &Path) -> Result<PathBuf> {
    let cluster = kubeconfig
        .parent()
        .context("the kubeconfig is in no folder")?;
    Ok(cluster.with_file_name(SCRATCH))
}
