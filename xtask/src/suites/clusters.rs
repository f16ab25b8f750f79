//! The suites that need a cluster of their own: it is brought up for them and taken down after them.

use std::process::Command;

use anyhow::Result;

use super::counted::{self, Count};
use super::{Args, Environment};
use crate::cluster::{Extra, Network, Target, UpArgs};
use crate::own_cluster::{self, Keep, OwnCluster};
use crate::surroundings::Surrounding;
use crate::tools::{self, Tool};
use crate::{deploy, images, paths};

/// The suite `api`: an API server and etcd.
///
/// # Errors
/// When the cluster can't be had or cargo can't be started.
pub(super) fn api(args: &Args) -> Result<Count> {
    suite("api", &with_nodes("api", 0), args, |_, _| Ok(()))
}

/// The suite `cluster`: two nodes, and the operator installed.
///
/// # Errors
/// As [`api`], and when the operator can't be installed.
pub(super) fn cluster(args: &Args) -> Result<Count> {
    suite("cluster", &with_nodes("test", 2), args, install)
}

/// The suite `events`: a node, NATS as a program, and the managers as programs too, none of which is installed.
///
/// # Errors
/// As [`api`], and when a program can't be built.
pub(super) fn events(args: &Args) -> Result<Count> {
    let up = with_nodes("events", 1);
    suite("events", &up, args, managers_as_programs)
}

/// The suite `policy`: two nodes whose network enforces `NetworkPolicies`, and the operator installed.
///
/// # Errors
/// As [`cluster`].
pub(super) fn policy(args: &Args) -> Result<Count> {
    let up = UpArgs {
        network: Some(Network::Cilium),
        ..with_nodes("policy", 2)
    };
    suite("policy", &up, args, install)
}

/// The suite `ingress`: a node, traefik and the Gateway API, and then the operator installed.
///
/// # Errors
/// As [`cluster`].
pub(super) fn ingress(args: &Args) -> Result<Count> {
    let up = UpArgs {
        with: vec![Extra::Ingress],
        ..with_nodes("ingress", 1)
    };
    suite("ingress", &up, args, |target, environment| {
        let addresses = target.ingress()?;
        environment.set("RESTAPI_TEST_INGRESS_HTTP", addresses.http.to_string());
        environment.set("RESTAPI_TEST_INGRESS_HTTPS", addresses.https.to_string());
        install(target, environment)
    })
}

/// The suite `registry`: a node, a registry with an image that no node has, and the operator installed.
///
/// # Errors
/// As [`cluster`], and when the registry refuses the image.
pub(super) fn registry(args: &Args) -> Result<Count> {
    let up = UpArgs {
        with: vec![Extra::Registry],
        ..with_nodes("registry", 1)
    };
    suite("registry", &up, args, |target, environment| {
        install(target, environment)?;
        // Another image than that which all pods may use: kubelet asks for the password wherever an image is
        // used that was once pulled with one, whatever its name.
        for image in images::build_variant(&["demo-app"], "private", false)? {
            let private = target.push(&image.archive, &image.reference, "private/demo-app")?;
            environment.set("RESTAPI_TEST_PRIVATE_IMAGE", private);
        }
        let access = target.registry()?;
        environment.set("RESTAPI_TEST_REGISTRY", access.host);
        environment.set("RESTAPI_TEST_REGISTRY_USER", access.user);
        environment.set("RESTAPI_TEST_REGISTRY_PASSWORD", access.password);
        Ok(())
    })
}

/// The suite `tracing`: two nodes with Jaeger, and the operator installed, which exports its traces to it.
///
/// # Errors
/// As [`cluster`], and when Jaeger can't be installed.
pub(super) fn tracing(args: &Args) -> Result<Count> {
    let up = with_nodes("tracing", 2);
    suite("tracing", &up, args, |target, environment| {
        install_with(target, environment, vec![Surrounding::Jaeger])
    })
}

/// The suite `monitoring`: two nodes with Jaeger, Prometheus and NATS, the operator installed, whose figures are
/// all there only if it uses each of them, and the program that tests rules.
///
/// # Errors
/// As [`cluster`], and when one of the three can't be installed.
pub(super) fn monitoring(args: &Args) -> Result<Count> {
    let up = with_nodes("monitoring", 2);
    suite("monitoring", &up, args, |target, environment| {
        environment.set("RESTAPI_TEST_PROMTOOL", tools::path(Tool::Promtool)?);
        let with = vec![
            Surrounding::Jaeger,
            Surrounding::Prometheus,
            Surrounding::Nats,
        ];
        install_with(target, environment, with)
    })
}

/// What a cluster needs on which managers run as programs, and the programs: both managers, and NATS.
///
/// # Errors
/// When a program can't be built, or the cluster refuses something.
pub(crate) fn managers_as_programs(target: &Target, environment: &mut Environment) -> Result<()> {
    deploy::install_crd(target)?;
    environment.set("NATS_SERVER_BIN", tools::path(Tool::NatsServer)?);
    let manager = "bluegreen-manager";
    let program = images::binaries::compile_program(manager, manager, false)?;
    environment.set("BLUEGREEN_MANAGER_BIN", program.path);
    for (tag, variable) in [
        ("events", "RESTAPI_TEST_DEMO_IMAGE"),
        ("next", "RESTAPI_TEST_DEMO_IMAGE_NEXT"),
    ] {
        let images = images::build_variant(&["demo-app"], tag, false)?;
        images::load(target, &images)?;
        for image in &images {
            environment.set(variable, &image.reference);
        }
    }
    Ok(())
}

/// Runs the tests of one suite on a cluster of its own, which `prepare` makes ready for them.
fn suite(
    name: &str,
    up: &UpArgs,
    args: &Args,
    prepare: impl FnOnce(&Target, &mut Environment) -> Result<()>,
) -> Result<Count> {
    let cluster = OwnCluster::up(up, keep(args))?;
    let mut environment = Environment::of(cluster.target())?;
    prepare(cluster.target(), &mut environment)?;
    let count = tests(name, &environment, args)?;
    cluster.down()?;
    Ok(count)
}

/// Images and operator, and what the tests need to know of them: the images, and a second one of the demo
/// to update to.
fn install(target: &Target, environment: &mut Environment) -> Result<()> {
    install_with(target, environment, Vec::new())
}

/// The same, and what is to run beside the managers.
fn install_with(
    target: &Target,
    environment: &mut Environment,
    with: Vec<Surrounding>,
) -> Result<()> {
    images::run(target, &images::Args::default())?;
    let deploy = deploy::Args {
        with,
        ..deploy::Args::default()
    };
    deploy::run(target, &deploy)?;
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
        // What a test waits for is built on its thread's stack, whole RestAPIs of it, unoptimised.
        .env("RUST_MIN_STACK", "16777216")
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
