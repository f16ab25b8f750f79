//! Both managers as processes, limited to a test's namespace, with or without events between them.

use std::path::PathBuf;

use anyhow::Result;

use crate::env::variable;
use crate::manager::Manager;
use crate::namespace::Namespace;
use crate::nats::Nats;

/// Both managers; killed when dropped.
#[derive(Debug)]
pub struct Managers {
    /// core-reconciler.
    pub core: Manager,
    /// bluegreen-manager, the program that `BLUEGREEN_MANAGER_BIN` names.
    pub bluegreen: Manager,
}

impl Managers {
    /// Starts both, with events over `nats` if there is one, and waits until they are ready.
    ///
    /// # Errors
    /// When one can't be started or is not ready within two minutes.
    pub async fn start(namespace: &Namespace, nats: Option<&Nats>) -> Result<Self> {
        let core = launch(namespace, "core-reconciler", nats).await?;
        let bluegreen = launch(namespace, "bluegreen-manager", nats).await?;
        core.ready().await?;
        bluegreen.ready().await?;
        Ok(Self { core, bluegreen })
    }

    /// What both count together.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn sum(&self, metric: &str) -> Result<f64> {
        let mut sum = 0.0;
        for manager in [&self.core, &self.bluegreen] {
            sum += manager.metrics().await?.sum(metric, &[]);
        }
        Ok(sum)
    }
}

async fn launch(namespace: &Namespace, manager: &str, nats: Option<&Nats>) -> Result<Manager> {
    let own = [
        ("WATCH_NAMESPACE", namespace.name.as_str()),
        ("POD_NAMESPACE", namespace.name.as_str()),
        ("POD_NAME", manager),
        ("NO_LEASE", "true"),
    ];
    let nats = nats.map(|nats| nats.variables(manager)).unwrap_or_default();
    let nats = nats
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let variables: Vec<_> = own.into_iter().chain(nats).collect();
    let program = match manager {
        "core-reconciler" => namespace.env.core_reconciler.clone(),
        _ => PathBuf::from(variable("BLUEGREEN_MANAGER_BIN")?),
    };
    let log = namespace.logs().join(format!("{manager}.log"));
    Manager::launch(&program, &namespace.env.kubeconfig, &log, &variables).await
}
