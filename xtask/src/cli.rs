//! The commands and their arguments.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::cluster::{self, ControlArgs, DownArgs, KubeconfigArgs, StatusArgs, Target, UpArgs};
use crate::monitoring::picture;
use crate::{bench, demo, deploy, generate, images, suites, trace};

/// Every task of this repository that is more than one command.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a Kubernetes cluster, or bring the one of this name back to health.
    Up(UpArgs),
    /// Remove the cluster and everything that belongs to it but the cache.
    Down(DownArgs),
    /// Show the health of each part of the cluster.
    Status(StatusArgs),
    /// Print the path of the cluster's kubeconfig.
    Kubeconfig(KubeconfigArgs),
    /// Stop or start parts of the control plane: what benches and tests of failures need.
    Control(ControlArgs),
    /// Build the images and load them into every node of the cluster.
    Images(On<images::Args>),
    /// Install the custom resource definition and the managers, with the images built last.
    Deploy(On<deploy::Args>),
    /// Bring everything up and show one request's way through a sample application.
    Demo(demo::Args),
    /// Show the trace of a rollout, where Jaeger is installed (`deploy --with jaeger`).
    Trace(On<trace::Args>),
    /// Draw a dashboard from what Prometheus has collected (`deploy --with prometheus`).
    Dashboard(On<picture::Args>),
    /// Run every test, on clusters of their own.
    Test(suites::Args),
    /// Measure, and write the figures to `target/bench`.
    Bench(bench::Args),
    /// Write the files of the repository that are made from the code.
    Generate(generate::Args),
}

/// A command that works on a cluster that is up.
#[derive(Debug, clap::Args)]
struct On<A: clap::Args> {
    /// The cluster's name.
    #[arg(long, value_name = "NAME", default_value = cluster::DEFAULT_NAME)]
    name: String,
    #[command(flatten)]
    args: A,
}

/// Parses the command line and does what it says.
///
/// # Errors
/// Those of the command.
pub(crate) fn run() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Up(args) => cluster::up(&args).map(drop),
        Command::Down(args) => cluster::down(&args),
        Command::Status(args) => return cluster::status(&args),
        Command::Kubeconfig(args) => cluster::kubeconfig(&args),
        Command::Control(args) => cluster::control(&args),
        Command::Images(on) => images::run(&Target::open(&on.name)?, &on.args),
        Command::Deploy(on) => deploy::run(&Target::open(&on.name)?, &on.args),
        Command::Demo(args) => demo::run(&args),
        Command::Trace(on) => trace::run(&Target::open(&on.name)?, &on.args),
        Command::Dashboard(on) => picture::run(&Target::open(&on.name)?, &on.args),
        Command::Test(args) => suites::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Generate(args) => generate::run(&args),
    }?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_number_of_nodes_is_bounded() {
        assert!(Cli::try_parse_from(["xtask", "up", "--nodes", "201"]).is_err());
        assert!(Cli::try_parse_from(["xtask", "up", "--nodes", "2"]).is_ok());
    }
}
