//! What can't be run here is at least what the API server takes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

#[test]
fn grafana_is_taken_by_a_namespace_that_is_restricted() -> Result<()> {
    let variable = |name: &str| std::env::var(name).context(name.to_owned());
    let folder = PathBuf::from(variable("RESTAPI_REPO")?).join("deploy/grafana");
    let mut kubectl = Command::new(variable("RESTAPI_TEST_KUBECTL")?);
    let output = kubectl
        .arg("--kubeconfig")
        .arg(variable("RESTAPI_TEST_KUBECONFIG")?)
        .args(["apply", "--server-side", "--dry-run=server"])
        .args(["--force-conflicts", "--kustomize"])
        .arg(folder)
        .output()?;
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{complained}");
    ensure!(!complained.contains("Warning"), "{complained}");
    Ok(())
}
