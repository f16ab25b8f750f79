//! This very program, for those who run it as a user would.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::run::Cmd;

/// The path of the running program. Cargo may have replaced the file since the start: what lies there now is
/// as good.
///
/// # Errors
/// When the system doesn't tell.
pub(crate) fn path() -> Result<PathBuf> {
    let path = env::current_exe().context("finding the path of xtask itself")?;
    let replaced = path
        .to_str()
        .and_then(|path| path.strip_suffix(" (deleted)"));
    Ok(replaced.map_or(path.clone(), PathBuf::from))
}

/// `cargo xtask ARGS`, without cargo.
///
/// # Errors
/// As [`path`].
pub(crate) fn command(args: &[&str]) -> Result<Cmd> {
    Ok(Cmd::new(path()?).args(args).visible())
}
