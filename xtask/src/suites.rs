//! `cargo xtask test`: every suite, each with the cluster that it needs.

mod clusters;
mod counted;
mod environment;
mod summary;
mod unit;

use std::time::Instant;

use anyhow::{Result, bail};

use counted::Count;
pub(crate) use environment::Environment;
use summary::Outcome;

/// Arguments of `cargo xtask test`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only this suite; may be given more than once. All when absent.
    #[arg(long, value_enum)]
    pub(crate) suite: Vec<Suite>,

    /// The heavy tests too: those that cargo's output counts as ignored.
    #[arg(long)]
    pub(crate) all: bool,

    /// Leave the suites' clusters as they are found, before and after: for trying again quickly.
    #[arg(long)]
    pub(crate) keep: bool,

    /// Only the tests whose name holds this, in the suites api and cluster.
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
}

impl Suite {
    const ALL: [Self; 3] = [Self::Unit, Self::Api, Self::Cluster];

    fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Api => "api",
            Self::Cluster => "cluster",
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
        .filter(|suite| args.suite.is_empty() || args.suite.contains(suite))
        .map(|suite| outcome(suite, args, &mut left_out))
        .collect();
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

fn outcome(suite: Suite, args: &Args, left_out: &mut Vec<String>) -> Outcome {
    let begin = Instant::now();
    let result = match suite {
        Suite::Unit => unit::run(args.all, left_out),
        Suite::Api => clusters::api(args),
        Suite::Cluster => clusters::cluster(args),
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
