//! Something beside the managers that is killed again and again.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use suites::processes;

use crate::switch::part::Killed;

/// How often its processes are killed. Its container starts again ever later.
const AGAIN: Duration = Duration::from_secs(1);

/// What is killed.
pub(super) struct Surrounding {
    pods: Api<Pod>,
    killed: Killed,
}

impl Surrounding {
    /// Finds it, and that it runs.
    pub(super) async fn find(client: &Client, killed: Killed) -> Result<Self> {
        let pods = Api::namespaced(client.clone(), killed.namespace);
        let found = Self { pods, killed };
        let processes = found.processes().await?;
        ensure!(
            !processes.is_empty(),
            "{0} does not run: `cargo xtask bench switch --with {0}`",
            killed.name
        );
        Ok(found)
    }

    async fn processes(&self) -> Result<Vec<i32>> {
        let label = format!("app.kubernetes.io/name={}", self.killed.name);
        let of_it = ListParams::default().labels(&label);
        let pods = self.pods.list(&of_it).await?;
        let uids: Vec<String> = pods
            .iter()
            .filter_map(|pod| pod.metadata.uid.clone())
            .collect();
        let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
        Ok(processes::of_pods(&uids, self.killed.program))
    }

    /// Kills what there is of it, for as long as this is run.
    pub(super) async fn kill_again_and_again(self) {
        loop {
            match self.processes().await {
                // One that ended meanwhile is what is wanted.
                Ok(found) => drop(processes::kill_at_once(&found)),
                Err(error) => eprintln!("switch: {} is not found: {error}", self.killed.name),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
