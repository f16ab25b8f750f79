//! Tasks of the repository, as a person would run them on the cluster under test.

use std::path::PathBuf;

use crate::env::variable;
use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// The name of the cluster under test.
///
/// # Errors
/// When the suite wasn't told.
pub fn cluster() -> Result<String> {
    variable("RESTAPI_TEST_CLUSTER")
}

/// Runs a task of the repository and returns what it prints.
///
/// # Errors
/// When it can't be started or fails, with what it says.
pub async fn xtask(arguments: &[&str]) -> Result<String> {
    let program = PathBuf::from(variable("RESTAPI_TEST_XTASK")?);
    let output = Command::new(&program)
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("starting {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "xtask {} failed with {}:\n{printed}{said}",
        arguments.join(" "),
        output.status
    );
    Ok(printed.into_owned())
}
