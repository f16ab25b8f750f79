//! core-reconciler, out of the cluster and without leases, so that every write counted is one for an
//! application.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use suites::manager::Manager;
use suites::metrics::Metrics;
use suites::namespace::Namespace;
use suites::wait::unchanged;

use crate::Common;

/// How long the count of writes must not change to be the last one; twice as long as status may lag.
const QUIET: Duration = Duration::from_secs(2);

/// Starts core-reconciler for the whole cluster, with what it has where it is installed, and waits until it is ready.
///
/// # Errors
/// When it can't be started or isn't ready in time.
pub async fn start(namespace: &Namespace, common: &Common) -> Result<Manager> {
    start_with(namespace, common, &[]).await
}

/// The same with these variables too.
///
/// # Errors
/// As [`start`].
pub async fn start_with(
    namespace: &Namespace,
    common: &Common,
    more: &[(&str, &str)],
) -> Result<Manager> {
    let env = &namespace.env;
    let program = common.manager.as_ref().unwrap_or(&env.core_reconciler);
    let log = namespace.logs().join("core-reconciler.log");
    let concurrency = common.concurrency.to_string();
    let mut variables = vec![("NO_LEASE", "true"), ("CONCURRENCY", &concurrency)];
    let installed = installed_variables(&env.repository)?;
    variables.extend(installed.iter().map(|(name, value)| (&**name, &**value)));
    variables.extend_from_slice(more);
    let manager = Manager::launch(program, &env.kubeconfig, &log, &variables).await?;
    manager.ready().await?;
    Ok(manager)
}

/// The variables with fixed values that it has where it is installed: those of its allocator.
fn installed_variables(repository: &Path) -> Result<Vec<(String, String)>> {
    let path = repository.join("kustomize/core-reconciler/deployment.yaml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let deployment: Deployment = serde_saphyr::from_str(&text)?;
    let pod = deployment.spec.and_then(|spec| spec.template.spec);
    let containers = pod.into_iter().flat_map(|pod| pod.containers);
    let variables = containers.flat_map(|container| container.env.unwrap_or_default());
    Ok(variables
        .filter_map(|variable| Some((variable.name, variable.value?)))
        .collect())
}

/// Asks it to stop and waits until it has.
///
/// # Errors
/// When it doesn't stop in order.
pub async fn stop(manager: Manager) -> Result<()> {
    manager.terminate()?;
    let status = manager.ended().await?;
    anyhow::ensure!(status.success(), "core-reconciler ended with {status}");
    Ok(())
}

/// Requests of a manager since its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requests {
    /// Requests that write objects: PATCH, PUT and DELETE.
    pub writes: f64,
    /// Requests that publish events: its only POSTs, since objects are written with server-side apply.
    pub events: f64,
    /// Requests that read: lists and watches among them.
    pub reads: f64,
}

impl Requests {
    /// Those of `manager` until now.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(manager: &Manager) -> Result<Self> {
        let metrics = manager.metrics().await?;
        let sum = |methods: &[&str]| methods.iter().map(|m| metrics.requests(m)).sum::<f64>();
        Ok(Self {
            writes: sum(&["PATCH", "PUT", "DELETE"]),
            events: metrics.requests("POST"),
            reads: metrics.requests("GET"),
        })
    }

    /// Those of `manager` once it writes no more.
    ///
    /// # Errors
    /// When it still writes after `limit`.
    pub async fn last(manager: &Manager, limit: Duration) -> Result<Self> {
        let what = "the requests of core-reconciler";
        let written = async || {
            let requests = Self::of(manager).await?;
            Ok((requests.writes, requests.events))
        };
        unchanged(QUIET, limit, what, written).await?;
        Self::of(manager).await
    }

    /// Those since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            events: self.events - before.events,
            reads: self.reads - before.reads,
        }
    }
}

/// How often core-reconciler was called for an application.
pub fn reconciles(metrics: &Metrics) -> f64 {
    metrics.sum("controller_runtime_reconcile_total", &[])
}

/// How many lists of each of these kinds a manager has completed, the fewest of all.
///
/// # Errors
/// When it does not answer.
pub async fn lists(manager: &Manager, kinds: &[&str]) -> Result<f64> {
    let metrics = manager.metrics().await?;
    let of = |kind: &&str| metrics.sum("restapi_watch_lists_total", &[("kind", kind)]);
    kinds
        .iter()
        .map(of)
        .reduce(f64::min)
        .context("no kind is asked for")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocator_is_as_it_is_installed() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let variables = installed_variables(&repository).unwrap();
        let purge = variables
            .iter()
            .find(|(name, _)| name == "MIMALLOC_PURGE_DELAY");
        assert_eq!(purge.map(|(_, value)| value.as_str()), Some("0"));
        assert!(!variables.iter().any(|(name, _)| name == "POD_NAME"));
    }
}
