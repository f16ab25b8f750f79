//! Something beside the managers that is killed again and again.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use suites::processes;

/// How often its processes are killed. Its container starts again ever later.
const AGAIN: Duration = Duration::from_secs(1);

/// What is killed.
pub(super) struct Surrounding {
    pods: Api<Pod>,
    name: &'static str,
}

impl Surrounding {
    /// Finds it, and that it runs.
    pub(super) async fn find(
        client: &Client,
        (namespace, name): (&str, &'static str),
    ) -> Result<Self> {
        let pods = Api::namespaced(client.clone(), namespace);
        let found = Self { pods, name };
        let processes = found.processes().await?;
        ensure!(
            !processes.is_empty(),
            "{name} does not run: `cargo xtask bench switch --with {name}`"
        );
        Ok(found)
    }

    async fn processes(&self) -> Result<Vec<i32>> {
        let label = format!("app.kubernetes.io/name={}", self.name);
        let of_it = ListParams::default().labels(&label);
        let pods = self.pods.list(&of_it).await?;
        let uids: Vec<String> = pods
            .iter()
            .filter_map(|pod| pod.metadata.uid.clone())
            .collect();
        let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
        Ok(processes::of_pods(&uids))
    }

    /// Kills what there is of it, for as long as this is run.
    pub(super) async fn kill_again_and_again(self) {
        loop {
            match self.processes().await {
                // One that ended meanwhile is what is wanted.
                Ok(found) => drop(processes::kill_at_once(&found)),
                Err(error) => eprintln!("switch: {} is not found: {error}", self.name),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
