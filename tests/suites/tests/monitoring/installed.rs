//! What can't be run here is at least what the API server takes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use suites::env::variable;

#[test]
fn what_is_for_the_prometheus_operator_can_be_built() -> Result<()> {
    let built = kustomized("deploy/prometheus-operator")?;
    for kind in ["PodMonitor", "PrometheusRule"] {
        ensure!(built.contains(&format!("kind: {kind}\n")), "no {kind}");
    }
    Ok(())
}

fn kustomized(folder: &str) -> Result<String> {
    let folder = PathBuf::from(variable("RESTAPI_REPO")?).join(folder);
    let mut kubectl = Command::new(variable("RESTAPI_TEST_KUBECTL")?);
    let output = kubectl.arg("kustomize").arg(folder).output()?;
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{complained}");
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn grafana_is_taken_by_a_namespace_that_is_restricted() -> Result<()> {
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
