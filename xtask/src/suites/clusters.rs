//! The suites that need a cluster of their own: it is brought up for them and taken down after them.

use std::process::Command;

use anyhow::Result;

use super::counted::{self, Count};
use super::{Args, Environment};
use crate::cluster::{Target, UpArgs};
use crate::own_cluster::{self, Keep, OwnCluster};
use crate::{deploy, images, paths};

/// The suite `api`: an API server and etcd.
///
/// # Errors
/// When the cluster can't be had or cargo can't be started.
pub(super) fn api(args: &Args) -> Result<Count> {
    let cluster = OwnCluster::up(&with_nodes("api", 0), keep(args))?;
    let environment = Environment::of(cluster.target())?;
    let count = tests("api", &environment, args)?;
    cluster.down()?;
    Ok(count)
}

/// The suite `cluster`: two nodes, and the operator installed.
///
/// # Errors
/// As [`api`], and when the operator can't be installed.
pub(super) fn cluster(args: &Args) -> Result<Count> {
    let cluster = OwnCluster::up(&with_nodes("test", 2), keep(args))?;
    let mut environment = Environment::of(cluster.target())?;
    install(cluster.target(), &mut environment)?;
    let count = tests("cluster", &environment, args)?;
    cluster.down()?;
    Ok(count)
}

/// Images and operator, and what the tests need to know of them: the images, and a second one of the demo
/// to update to.
fn install(target: &Target, environment: &mut Environment) -> Result<()> {
    images::run(target, &images::Args::default())?;
    deploy::run(target, &deploy::Args::default())?;
    let next = images::build_variant(&["demo-app"], "next", false)?;
    images::load(target, &next)?;
    for image in &next {
        environment.set("RESTAPI_TEST_DEMO_IMAGE_NEXT", &image.reference);
    }
    let record = images::Record::read()?;
    environment.set("RESTAPI_TEST_DEMO_IMAGE", record.reference("demo-app")?);
    // The tests mostly wait for pods, so more of them than there are processors run at the same time.
    environment.set("RUST_TEST_THREADS", "4");
    environment.set(
        "RESTAPI_TEST_CORE_IMAGE",
        record.reference("core-reconciler")?,
    );
    Ok(())
}

fn tests(suite: &str, environment: &Environment, args: &Args) -> Result<Count> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--package", "suites", "--test", suite, "--"])
        .args(args.all.then_some("--include-ignored"))
        .args(&args.filter)
        .envs(environment.variables())
        .current_dir(paths::repository());
    counted::run(&mut command)
}

fn with_nodes(purpose: &str, nodes: u8) -> UpArgs {
    UpArgs {
        nodes: Some(nodes),
        ..UpArgs::named(&own_cluster::name(purpose))
    }
}

fn keep(args: &Args) -> Keep {
    if args.keep { Keep::Yes } else { Keep::No }
}
