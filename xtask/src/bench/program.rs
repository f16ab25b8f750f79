//! The benches that the program `bench` of the package `suites` makes, and the clusters that it needs.

use std::ffi::OsString;
use std::fs;

use anyhow::{Context, Result};

use super::figures;
use crate::cluster::{Speaks, UpArgs};
use crate::own_cluster::{self, Keep, OwnCluster};
use crate::run::Cmd;
use crate::suites::{self, Environment};
use crate::surroundings::Surrounding;
use crate::{artifacts, deploy, images};

/// Pods that a KWOK node takes, with room to spare: every node renews a lease all the time, so fewer are better.
const PODS_PER_NODE: u16 = 400;
/// The components of each application; while a revision is replaced each may have a second pod.
const PODS_PER_APP: u16 = 4 * 2;

/// Where it is not said how many applications there are.
const FEW_APPS: u16 = 100;

/// What all of them take.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Leave the cluster as it is found, before and after.
    #[arg(long)]
    pub(crate) keep: bool,

    /// Install this too, where the operator is installed, and have the managers use it; may be given more than once.
    #[arg(long, value_enum)]
    pub(crate) with: Vec<Surrounding>,

    /// Further arguments of the program that measures.
    #[arg(last = true)]
    pub(crate) more: Vec<String>,
}

impl Common {
    /// Whether the program is told to measure a part only.
    fn is_partial(&self) -> bool {
        let mut more = self.more.iter();
        more.any(|word| word == "--only" || word.starts_with("--only="))
    }
}

/// Arguments of the benches with a number of applications.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Apps {
    /// How many RestAPIs, of four components each.
    #[arg(long, default_value_t = 1000)]
    pub(crate) apps: u16,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Arguments of `cargo xtask bench memory`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Sizes {
    /// How many RestAPIs, of four components each, in growing order.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,5000")]
    pub(crate) sizes: Vec<u16>,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Has the program measure with a number of applications on nodes of KWOK's.
///
/// # Errors
/// When the cluster can't be had, or the program fails or leaves no figures.
pub(super) fn with_apps(bench: &str, args: &Apps) -> Result<()> {
    let number = args.apps.to_string();
    let up = on_fake_nodes("bench", args.apps);
    measure(bench, &["--apps", &number], &up, &args.common)
}

/// Has the program measure with as many applications as it wants, which are few.
///
/// # Errors
/// As [`with_apps`].
pub(super) fn with_few_apps(bench: &str, args: &Common) -> Result<()> {
    measure(bench, &[], &on_fake_nodes("bench", FEW_APPS), args)
}

/// Has the program measure memory with each number of applications.
///
/// # Errors
/// As [`with_apps`].
pub(super) fn with_sizes(bench: &str, args: &Sizes) -> Result<()> {
    let sizes: Vec<String> = args.sizes.iter().map(u16::to_string).collect();
    let most = args
        .sizes
        .iter()
        .max()
        .copied()
        .context("--sizes is empty")?;
    // As the newest version gives them, the addresses of 40,000 Services take hours: docs/platform-facts.md.
    let up = UpArgs {
        speaks: Some(Speaks::Oldest),
        ..on_fake_nodes("memory", most)
    };
    measure(bench, &["--sizes", &sizes.join(",")], &up, &args.common)
}

/// Has the program measure on two real nodes, with the operator installed and the demo's image loaded.
///
/// # Errors
/// As [`with_apps`].
pub(super) fn on_real_nodes(bench: &str, args: &Common) -> Result<()> {
    let prepared = Prepared::new(bench, args, &["core-reconciler", "bluegreen-manager"])?;
    let up = UpArgs {
        nodes: Some(2),
        ..UpArgs::named(&own_cluster::name(bench))
    };
    let cluster = OwnCluster::up(&up, keep(args))?;
    images::run(cluster.target(), &images::Args::default())?;
    let with = deploy::Args {
        with: args.with.clone(),
        ..deploy::Args::default()
    };
    deploy::run(cluster.target(), &with)?;
    let mut environment = Environment::of(cluster.target())?;
    let demo = images::Record::read()?.reference("demo-app")?.to_owned();
    environment.set("RESTAPI_TEST_DEMO_IMAGE", demo);
    prepared.measure(&[], args, &environment)?;
    cluster.down()?;
    figures::check(&prepared.results)
}

/// Has the program measure on a real node, with the managers as programs that it starts itself.
///
/// # Errors
/// As [`with_apps`].
pub(super) fn with_managers_as_programs(bench: &str, args: &Common) -> Result<()> {
    let prepared = Prepared::new(bench, args, &["core-reconciler", "bluegreen-manager"])?;
    let up = UpArgs {
        nodes: Some(1),
        ..UpArgs::named(&own_cluster::name(bench))
    };
    let cluster = OwnCluster::up(&up, keep(args))?;
    let mut environment = Environment::of(cluster.target())?;
    suites::managers_as_programs(cluster.target(), &mut environment)?;
    prepared.measure(&[], args, &environment)?;
    cluster.down()?;
    figures::check(&prepared.results)
}

/// A cluster of that name with fake nodes alone, which have room for so many applications.
fn on_fake_nodes(name: &str, apps: u16) -> UpArgs {
    UpArgs {
        nodes: Some(0),
        fake_nodes: Some(fake_nodes(apps)),
        ..UpArgs::named(&own_cluster::name(name))
    }
}

fn measure(bench: &str, sizes: &[&str], up: &UpArgs, args: &Common) -> Result<()> {
    let prepared = Prepared::new(bench, args, &["core-reconciler"])?;
    let cluster = OwnCluster::up(up, keep(args))?;
    deploy::install_crd(cluster.target())?;
    let environment = Environment::of(cluster.target())?;
    prepared.measure(sizes, args, &environment)?;
    cluster.down()?;
    figures::check(&prepared.results)
}

/// A bench that can start: everything is compiled, and the figures of an earlier run are gone, unless only a part of
/// them is measured again.
struct Prepared {
    bench: String,
    program: OsString,
    results: std::path::PathBuf,
}

impl Prepared {
    fn new(bench: &str, args: &Common, managers: &[&str]) -> Result<Self> {
        // Compiled first: the cluster is to have the machine for itself.
        let program = images::binaries::compile_program("suites", "bench", false)?;
        images::binaries::compile(managers, false)?;
        let results = artifacts::folder().join(format!("bench/{bench}.json"));
        if results.exists() && !args.is_partial() {
            fs::remove_file(&results).with_context(|| format!("removing {}", results.display()))?;
        }
        Ok(Self {
            bench: bench.to_owned(),
            program: program.path.into(),
            results,
        })
    }

    fn measure(&self, sizes: &[&str], args: &Common, environment: &Environment) -> Result<()> {
        let mut command = Cmd::new(&self.program)
            .arg(&self.bench)
            .args(sizes)
            .arg("--out")
            .arg(&self.results)
            .args(&args.more)
            .visible();
        for (name, value) in environment.variables() {
            command = command.env(name, value);
        }
        command.run()
    }
}

fn keep(args: &Common) -> Keep {
    if args.keep { Keep::Yes } else { Keep::No }
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
        assert_eq!(fake_nodes(100), 2);
        assert!(fake_nodes(500) * PODS_PER_NODE >= 500 * PODS_PER_APP);
    }
}
