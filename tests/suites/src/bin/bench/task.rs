//! Tasks of the repository that a bench needs: parts of the control plane, stopped and started.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use suites::env::variable;
use tokio::process::Command;

/// Stops a process of the control plane of the cluster that is measured on.
///
/// # Errors
/// When it doesn't stop.
pub async fn stop(process: &str) -> Result<()> {
    control(&["stop", process]).await
}

/// Starts what of the control plane doesn't run.
///
/// # Errors
/// When it doesn't start.
pub async fn start() -> Result<()> {
    control(&["start"]).await
}

async fn control(action: &[&str]) -> Result<()> {
    let program = PathBuf::from(variable("RESTAPI_TEST_XTASK")?);
    let cluster = variable("RESTAPI_TEST_CLUSTER")?;
    let output = Command::new(&program)
        .args(["control", "--name", &cluster])
        .args(action)
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("starting {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "xtask control {} failed: {}",
        action.join(" "),
        said.trim()
    );
    Ok(())
}
