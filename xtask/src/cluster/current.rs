//! Clusters that are there already: a context of the user's kubeconfig, chosen by its name.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::commands::UpArgs;
use super::record::{self, Backend, Record};
use super::{Target, target};
use crate::run::Cmd;
use crate::tools::{self, Tool};

/// Notes the context, with a kubeconfig of its own that holds nothing else.
pub(super) fn up(args: &UpArgs, folder: &Path) -> Result<()> {
    if args.nodes.is_some() || args.fake_nodes.is_some() {
        bail!("--nodes and --fake-nodes go with a cluster that this command makes");
    }
    let Some(context) = args.context.clone().or(known_context(folder)?) else {
        bail!("--cluster current needs --context NAME");
    };
    let view = Cmd::new(tools::path(Tool::Kubectl)?)
        .args([
            "config",
            "view",
            "--minify",
            "--flatten",
            "--context",
            &context,
        ])
        .read()
        .with_context(|| format!("--context {context:?} is not in the kubeconfig"))?;
    let _lock = record::lock(folder)?;
    write_secret(&target::kubeconfig(folder), &view)?;
    Record::foreign(Backend::Current, 0, Some(context)).write(folder)?;
    let target = Target::open(&args.name)?;
    let ready = target
        .kubectl()
        .args(["get", "--raw", "/readyz", "--request-timeout=10s"])
        .run();
    ready.context("the cluster of this context does not answer")
}

/// Prints what the API server says about the nodes.
pub(super) fn status(target: &Target) -> Result<ExitCode> {
    let nodes = target
        .kubectl()
        .args(["get", "nodes", "--request-timeout=10s"])
        .read()?;
    println!("{nodes}");
    Ok(ExitCode::SUCCESS)
}

fn known_context(folder: &Path) -> Result<Option<String>> {
    Ok(Record::read(folder)?.and_then(|record| record.context))
}

/// The file holds credentials: nobody but its owner may read it, not even while it is written.
fn write_secret(file: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    if file.exists() {
        std::fs::remove_file(file)?;
    }
    let mut open = std::fs::File::options();
    let mut created = open.write(true).create_new(true).mode(0o600).open(file)?;
    Ok(created.write_all(text.as_bytes())?)
}
