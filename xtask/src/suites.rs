//! `cargo xtask test`: every suite, each with the cluster that it needs.

mod clusters;
mod counted;
mod environment;
mod summary;
mod unit;

use std::time::Instant;

use anyhow::{Result, bail};

pub(crate) use clusters::managers_as_programs;
use counted::Count;
pub(crate) use environment::Environment;
use summary::Outcome;

/// Arguments of `cargo xtask test`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only this suite; may be given more than once. When absent: all but policy, ingress, registry, tracing and monitoring.
    #[arg(long, value_enum)]
    pub(crate) suite: Vec<Suite>,

    /// Everything: also those suites, and the heavy tests of the others, which cargo counts as ignored.
    #[arg(long)]
    pub(crate) all: bool,

    /// Leave the suites' clusters as they are found, before and after: for trying again quickly.
    #[arg(long)]
    pub(crate) keep: bool,

    /// Only the tests whose name holds this, in the suites that have a cluster.
    #[arg(last = true, value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
}

/// A part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// Formatting, lints, tests without a cluster, generated files, documentation, licences.
    Unit,
    /// Against a real API server and etcd, without nodes.
    Api,
    /// Against a whole cluster of two nodes, with pods and traffic.
    Cluster,
    /// Against a node, with managers as processes that tell each other events over NATS.
    Events,
    /// Against two nodes whose network enforces `NetworkPolicies`; builds Cilium.
    Policy,
    /// Against a node and traefik, which serves Ingresses and Gateways; builds traefik.
    Ingress,
    /// Against a node and a registry that asks for a password; builds the registry.
    Registry,
    /// Against two nodes with Jaeger, to which the managers export traces; builds Jaeger.
    Tracing,
    /// Against two nodes with Jaeger, NATS and Prometheus, which collects metrics and evaluates alerts; builds all three.
    Monitoring,
}

impl Suite {
    const ALL: [Self; 9] = [
        Self::Unit,
        Self::Api,
        Self::Cluster,
        Self::Events,
        Self::Policy,
        Self::Ingress,
        Self::Registry,
        Self::Tracing,
        Self::Monitoring,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Api => "api",
            Self::Cluster => "cluster",
            Self::Events => "events",
            Self::Policy => "policy",
            Self::Ingress => "ingress",
            Self::Registry => "registry",
            Self::Tracing => "tracing",
            Self::Monitoring => "monitoring",
        }
    }

    /// Whether it needs more than the programs that every cluster is made of.
    fn is_heavy(self) -> bool {
        matches!(
            self,
            Self::Policy | Self::Ingress | Self::Registry | Self::Tracing | Self::Monitoring
        )
    }

    /// Whether it is to run.
    fn is_chosen(self, args: &Args) -> bool {
        if args.suite.is_empty() {
            args.all || !self.is_heavy()
        } else {
            args.suite.contains(&self)
        }
    }
}

/// Runs the suites one after the other, each also when an earlier one failed, and sums up.
///
/// # Errors
/// When any test, check or cluster failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut left_out = Vec::new();
    let outcomes: Vec<Outcome> = Suite::ALL
        .into_iter()
        .filter(|suite| suite.is_chosen(args))
        .map(|suite| outcome(suite, args, &mut left_out))
        .collect();
    left_out.extend(suites_left_out(args));
    let ignored: usize = outcomes.iter().map(|outcome| outcome.count.ignored).sum();
    if ignored > 0 && !args.all {
        left_out.push(format!("{ignored} heavy tests (`cargo xtask test --all`)"));
    }
    println!("\n{}", summary::text(&outcomes, &left_out));
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| !outcome.passed())
        .map(|outcome| outcome.suite)
        .collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The suites that neither were asked for nor are run without being asked for.
fn suites_left_out(args: &Args) -> Option<String> {
    let mut left_out = Suite::ALL
        .into_iter()
        .filter(|suite| !suite.is_chosen(args));
    if !args.suite.is_empty() || left_out.clone().next().is_none() {
        return None;
    }
    let names: Vec<&str> = left_out.by_ref().map(Suite::name).collect();
    let names = names.join(", ");
    Some(format!("the suites {names} (`cargo xtask test --all`)"))
}

fn outcome(suite: Suite, args: &Args, left_out: &mut Vec<String>) -> Outcome {
    let begin = Instant::now();
    let result = match suite {
        Suite::Unit => unit::run(args.all, left_out),
        Suite::Api => clusters::api(args),
        Suite::Cluster => clusters::cluster(args),
        Suite::Events => clusters::events(args),
        Suite::Policy => clusters::policy(args),
        Suite::Ingress => clusters::ingress(args),
        Suite::Registry => clusters::registry(args),
        Suite::Tracing => clusters::tracing(args),
        Suite::Monitoring => clusters::monitoring(args),
    };
    let (count, broken) = match result {
        Ok(count) => (count, None),
        Err(error) => (Count::FAILED, Some(format!("{error:#}"))),
    };
    Outcome {
        suite: suite.name(),
        count,
        took: begin.elapsed(),
        broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(args: &Args) -> Vec<&'static str> {
        let all = Suite::ALL.into_iter().filter(|suite| suite.is_chosen(args));
        all.map(Suite::name).collect()
    }

    #[test]
    fn heavy_suites_run_when_they_are_named_or_with_all() {
        let bare = Args::default();
        assert_eq!(chosen(&bare), ["unit", "api", "cluster", "events"]);
        let said = suites_left_out(&bare).unwrap();
        assert!(
            said.contains("policy, ingress, registry, tracing, monitoring"),
            "{said}"
        );
        let all = Args {
            all: true,
            ..Args::default()
        };
        assert_eq!(chosen(&all).len(), 9);
        assert_eq!(suites_left_out(&all), None);
        let named = Args {
            suite: vec![Suite::Policy],
            ..Args::default()
        };
        assert_eq!(chosen(&named), ["policy"]);
        assert_eq!(suites_left_out(&named), None);
    }
}
