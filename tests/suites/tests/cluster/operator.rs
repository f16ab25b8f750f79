//! The managers as they are installed in the cluster.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use suites::metrics::Metrics;
use suites::wait::eventually;
use suites::{http, pods};

/// Where the operator is installed.
pub(crate) const NAMESPACE: &str = "restapi-system";

/// The name of core-reconciler's Deployment.
pub(crate) const NAME: &str = "core-reconciler";

/// The name of bluegreen-manager's Deployment.
pub(crate) const BLUEGREEN: &str = "bluegreen-manager";

/// The name of the program in its image, as in every image of this repository.
const PROGRAM: &str = "main";

/// How long a manager may take to hold the lease of one that was killed: the lease's duration of 15 s and
/// some tries, on a busy machine.
pub(crate) const TAKEN_OVER: Duration = Duration::from_secs(25);

/// How long the Deployment may take to be complete again; a container that was killed twice waits for 20 s.
const COMPLETE: Duration = Duration::from_secs(90);

/// The pods of one manager.
#[derive(Clone)]
pub(crate) struct Operator {
    client: Client,
    name: &'static str,
}

impl Operator {
    /// The core-reconciler that is installed.
    pub(crate) fn new(client: &Client) -> Self {
        Self::named(client, NAME)
    }

    /// The manager of that name that is installed.
    pub(crate) fn named(client: &Client, name: &'static str) -> Self {
        Self {
            client: client.clone(),
            name,
        }
    }

    /// Has it run with that many pods, and waits until it does.
    pub(crate) async fn scale(&self, pods: i32) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"replicas": pods}}));
        let api = self.api::<Deployment>();
        api.patch(self.name, &PatchParams::default(), &patch)
            .await?;
        eventually(COMPLETE, "the manager has that many pods", async || {
            let all = self.pods().await?;
            let ready = all.iter().filter(|pod| pods::is_ready(pod)).count();
            ensure!(
                all.len() == ready && i32::try_from(ready)? == pods,
                "{ready} of {} are ready",
                all.len()
            );
            Ok(())
        })
        .await
    }

    /// Its pods that are not on their way out.
    pub(crate) async fn pods(&self) -> Result<Vec<Pod>> {
        let ours = ListParams::default().labels(&format!("app.kubernetes.io/name={}", self.name));
        let pods = self.api::<Pod>().list(&ours).await?.items;
        Ok(pods
            .into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .collect())
    }

    /// The metrics of all pods together, as far as they answer.
    pub(crate) async fn metrics(&self) -> Result<Metrics> {
        let mut all = String::new();
        for pod in self.pods().await? {
            all.push_str(&metrics(&pod).await?);
        }
        Ok(Metrics::new(all))
    }

    /// The pod that works, while the other stands by.
    pub(crate) async fn leader(&self) -> Result<Pod> {
        let what = format!("a {} holds the lease", self.name);
        eventually(TAKEN_OVER, &what, async || {
            for pod in self.pods().await? {
                // One that was just killed doesn't answer; the other may.
                let text = metrics(&pod).await.unwrap_or_default();
                if Metrics::new(text).sum("restapi_shards_held", &[]) > 0.0 {
                    return Ok(pod);
                }
            }
            anyhow::bail!("none does")
        })
        .await
    }

    /// Waits until both pods are ready.
    pub(crate) async fn complete(&self) -> Result<()> {
        let what = format!("{} has two ready pods", self.name);
        eventually(COMPLETE, &what, async || {
            let deployment = self.api::<Deployment>().get(self.name).await?;
            let ready = deployment.status.and_then(|status| status.ready_replicas);
            let pods = self.pods().await?;
            ensure!(
                ready == Some(2) && pods.iter().all(pods::is_ready),
                "{ready:?} are ready"
            );
            Ok(())
        })
        .await
    }

    /// Deletes a pod without giving it time to end.
    pub(crate) async fn remove(&self, pod: &Pod) -> Result<()> {
        let at_once = DeleteParams::default().grace_period(0);
        self.api::<Pod>().delete(&pod.name_any(), &at_once).await?;
        Ok(())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}

async fn metrics(pod: &Pod) -> Result<String> {
    let (code, text) = http::get(&format!("http://{}:9090/metrics", pods::address(pod)?)).await?;
    ensure!(code == 200, "/metrics of {} answers {code}", pod.name_any());
    Ok(text)
}

/// Kills the program of a pod (SIGKILL), wherever on this machine its node lives.
pub(crate) fn kill_process(pod: &Pod) -> Result<()> {
    let uid = pod.uid().context("the pod has no uid")?;
    let pid =
        process(&uid).with_context(|| format!("{} runs on none of our nodes", pod.name_any()))?;
    kill(Pid::from_raw(pid), Signal::SIGKILL).with_context(|| format!("killing process {pid}"))
}

/// The process of the program in the pod of this uid, which is in the name of its control group.
fn process(uid: &str) -> Option<i32> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid: &i32| {
        let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        read("cgroup").contains(uid) && read("comm").trim() == PROGRAM
    })
}
