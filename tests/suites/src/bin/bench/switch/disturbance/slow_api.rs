//! A bluegreen-manager that reaches the API server late, or not at all.
//!
//! It runs on this machine instead of in the cluster: its Deployment has no pods meanwhile.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::operator::{self, Operator};

use super::proxy::Proxy;

/// The manager's name, as a program and as a cluster's member.
const NAME: &str = operator::BLUEGREEN;

/// The manager behind a proxy.
pub(super) struct SlowApi {
    manager: Manager,
    proxy: Proxy,
    /// How many pods the Deployment had.
    pods: i32,
}

impl SlowApi {
    /// Stops the installed manager, and starts `program` behind a proxy: that beside core-reconciler when absent.
    pub(super) async fn start(
        installed: &Operator,
        program: Option<&Path>,
        namespace: &Namespace,
    ) -> Result<Self> {
        let proxy = Proxy::start(namespace.env.client().await?).await?;
        let beside = namespace.env.core_reconciler.with_file_name(NAME);
        let pods = i32::try_from(installed.pods().await?.len())?;
        let started = async {
            installed.scale(0).await?;
            launch(program.unwrap_or(&beside), &proxy, namespace).await
        };
        match started.await {
            Ok(manager) => Ok(Self {
                manager,
                proxy,
                pods,
            }),
            Err(error) => {
                installed.scale(pods).await?;
                Err(error)
            }
        }
    }

    /// Stops it, and has the installed one work again.
    pub(super) async fn stop(self, installed: &Operator) -> Result<()> {
        let told = self.manager.terminate();
        let ended = self.manager.ended().await;
        eprintln!("switch: {}", self.proxy);
        installed.scale(self.pods).await?;
        told?;
        ended.map(drop)
    }
}

async fn launch(program: &Path, proxy: &Proxy, namespace: &Namespace) -> Result<Manager> {
    let folder = namespace.logs();
    fs::create_dir_all(&folder)?;
    let kubeconfig = folder.join("slow-api.kubeconfig");
    fs::write(&kubeconfig, self::kubeconfig(proxy))
        .with_context(|| format!("writing {}", kubeconfig.display()))?;
    let log = folder.join(format!("{NAME}.log"));
    let variables = [
        ("POD_NAME", "behind-a-slow-api"),
        ("POD_NAMESPACE", operator::NAMESPACE),
    ];
    let manager = Manager::launch(program, &kubeconfig, &log, &variables).await?;
    manager.ready().await?;
    Ok(manager)
}

fn kubeconfig(proxy: &Proxy) -> String {
    let server = format!("http://{}", proxy.address());
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "slow",
        "clusters": [{"name": "slow", "cluster": {"server": server}}],
        "users": [{"name": "slow", "user": {}}],
        "contexts": [{"name": "slow", "context": {"cluster": "slow", "user": "slow"}}],
    })
    .to_string()
}
