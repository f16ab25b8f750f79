//! The alerts fire when they are to and rest when they are to, says the program that evaluates them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use suites::env::variable;

fn files(folder: &str) -> Result<Vec<PathBuf>> {
    let folder = PathBuf::from(variable("RESTAPI_REPO")?).join(folder);
    let files = std::fs::read_dir(&folder)?;
    let files: Vec<_> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    ensure!(!files.is_empty(), "{} is empty", folder.display());
    Ok(files)
}

fn promtool(command: [&str; 2], files: &[PathBuf]) -> Result<()> {
    let mut promtool = Command::new(variable("RESTAPI_TEST_PROMTOOL")?);
    let output = promtool.args(command).args(files).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}{complained}");
    Ok(())
}

#[test]
fn the_rules_are_well_formed() -> Result<()> {
    promtool(["check", "rules"], &files("deploy/prometheus/rules")?)
}

#[test]
fn every_alert_fires_and_rests_as_its_cases_say() -> Result<()> {
    promtool(["test", "rules"], &files("tests/alerts")?)
}
