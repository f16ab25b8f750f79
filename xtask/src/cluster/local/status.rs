//! `cargo xtask status`: a table of the parts of a local cluster.

use std::process::ExitCode;

use anyhow::Result;

use super::api::Api;
use super::health;
use super::layout::Layout;
use crate::cluster::Target;

/// Prints the table; the exit code is 1 when a part is broken.
///
/// # Errors
/// The kernel's tables can't be read.
pub(crate) fn status(target: &Target) -> Result<ExitCode> {
    let layout = Layout::new(target.folder());
    let parts = health::parts(&layout, target.record(), &Api::new(&layout)?)?;
    let width = parts
        .iter()
        .map(|part| part.name.len())
        .max()
        .unwrap_or_default();
    for part in &parts {
        println!("{:width$}  {:10}  {}", part.name, part.state, part.detail);
    }
    if health::is_healthy(&parts) {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "`cargo xtask up --name {}` brings back what is broken",
        target.name()
    );
    Ok(ExitCode::FAILURE)
}
