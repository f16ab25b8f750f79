//! `bench converge`: the cluster and the program that measures on it, `converge` of the package `suites`.

use std::fs;

use anyhow::{Context, Result};

use super::figures;
use crate::cluster::UpArgs;
use crate::own_cluster::{self, Keep, OwnCluster};
use crate::run::Cmd;
use crate::suites::Environment;
use crate::{artifacts, deploy, images};

/// Pods that a KWOK node takes, as a kubelet by default.
const PODS_PER_NODE: u16 = 110;
/// The components of each application; while a revision is replaced each may have a second pod.
const PODS_PER_APP: u16 = 4 * 2;

/// Arguments of `cargo xtask bench converge`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// How many RestAPIs, of four components each.
    #[arg(long, default_value_t = 100)]
    pub(crate) apps: u16,

    /// Leave the cluster as it is found, before and after.
    #[arg(long)]
    pub(crate) keep: bool,

    /// Further arguments of the program that measures.
    #[arg(last = true)]
    pub(crate) more: Vec<String>,
}

/// Brings up a cluster whose only nodes are KWOK's, and has the program measure there, print and write.
///
/// # Errors
/// When the cluster can't be had, or the program fails or leaves no figures.
pub(super) fn run(args: &Args) -> Result<()> {
    // Compiled first: the cluster is to have the machine for itself.
    let program = images::binaries::compile_program("suites", "converge", false)?;
    images::binaries::compile(&["core-reconciler"], false)?;
    let keep = if args.keep { Keep::Yes } else { Keep::No };
    let up = UpArgs {
        nodes: Some(0),
        fake_nodes: Some(fake_nodes(args.apps)),
        ..UpArgs::named(&own_cluster::name("bench"))
    };
    let cluster = OwnCluster::up(&up, keep)?;
    deploy::install_crd(cluster.target())?;
    let environment = Environment::of(cluster.target())?;
    let results = artifacts::folder().join("bench/converge.json");
    if results.exists() {
        fs::remove_file(&results).with_context(|| format!("removing {}", results.display()))?;
    }
    let mut command = Cmd::new(&program.path)
        .args(["--apps", &args.apps.to_string()])
        .arg("--out")
        .arg(&results)
        .args(&args.more)
        .visible();
    for (name, value) in environment.variables() {
        command = command.env(name, value);
    }
    command.run()?;
    cluster.down()?;
    figures::check(&results)
}

fn fake_nodes(apps: u16) -> u16 {
    apps.div_ceil(PODS_PER_NODE / PODS_PER_APP).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fake_nodes_have_room_for_every_pod() {
        assert_eq!(fake_nodes(1), 1);
        assert_eq!(fake_nodes(100), 8);
        assert!(fake_nodes(500) * PODS_PER_NODE >= 500 * PODS_PER_APP);
    }
}
