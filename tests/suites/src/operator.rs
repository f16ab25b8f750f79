//! The managers as they are installed in the cluster.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::metrics::Metrics;
use crate::wait::eventually;
use crate::{http, pods, processes};

/// Where the operator is installed.
pub const NAMESPACE: &str = "restapi-system";

/// The name of core-reconciler's Deployment.
pub const NAME: &str = "core-reconciler";

/// The name of bluegreen-manager's Deployment.
pub const BLUEGREEN: &str = "bluegreen-manager";

/// How long a manager may take to hold the lease of one that was killed: the lease's duration of 15 s and
/// some tries, on a busy machine.
pub const TAKEN_OVER: Duration = Duration::from_secs(25);

/// How long the Deployment may take to be complete again; a container that was killed twice waits for 20 s.
const COMPLETE: Duration = Duration::from_secs(90);

/// The pods of one manager.
#[derive(Clone)]
pub struct Operator {
    client: Client,
    name: &'static str,
}

impl Operator {
    /// The core-reconciler that is installed.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::named(client, NAME)
    }

    /// The manager of that name that is installed.
    #[must_use]
    pub fn named(client: &Client, name: &'static str) -> Self {
        Self {
            client: client.clone(),
            name,
        }
    }

    /// Has it run with that many pods, and waits until it does.
    ///
    /// # Errors
    /// When it has not within 90 s.
    pub async fn scale(&self, pods: i32) -> Result<()> {
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
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let ours = ListParams::default().labels(&format!("app.kubernetes.io/name={}", self.name));
        let pods = self.api::<Pod>().list(&ours).await?.items;
        Ok(pods
            .into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .collect())
    }

    /// The metrics of all pods together, as far as they answer.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn metrics(&self) -> Result<Metrics> {
        let mut all = String::new();
        for pod in self.pods().await? {
            all.push_str(&metrics(&pod).await?);
        }
        Ok(Metrics::new(all))
    }

    /// The pod that works, while the other stands by.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn leader(&self) -> Result<Pod> {
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
    ///
    /// # Errors
    /// When they are not within 90 s.
    pub async fn complete(&self) -> Result<()> {
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
    ///
    /// # Errors
    /// When that is refused.
    pub async fn remove(&self, pod: &Pod) -> Result<()> {
        let at_once = DeleteParams::default().grace_period(0);
        self.api::<Pod>().delete(&pod.name_any(), &at_once).await?;
        Ok(())
    }

    /// Deletes a pod, which hands its work over, and waits until it is gone.
    ///
    /// # Errors
    /// When that is refused, or takes longer than 90 s.
    pub async fn replace(&self, pod: &Pod) -> Result<()> {
        let (name, api) = (pod.name_any(), self.api::<Pod>());
        api.delete(&name, &DeleteParams::default()).await?;
        eventually(COMPLETE, &format!("{name} is gone"), async || {
            ensure!(api.get_opt(&name).await?.is_none(), "it is there");
            Ok(())
        })
        .await
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
///
/// # Errors
/// When it runs on none of our nodes, or has ended.
pub fn kill_process(pod: &Pod) -> Result<()> {
    processes::kill_at_once(&[process(pod)?])
}

/// The process of a pod's program.
///
/// # Errors
/// When it runs on none of our nodes.
pub fn process(pod: &Pod) -> Result<i32> {
    let uid = pod.uid().context("the pod has no uid")?;
    let found = processes::of_pods(&[&uid], processes::OURS)
        .first()
        .copied();
    found.with_context(|| format!("{} runs on none of our nodes", pod.name_any()))
}
