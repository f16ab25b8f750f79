//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::SignedDuration;

/// Shows rollouts of RestAPIs, and asks for what is to be done about them.
///
/// Exit codes: 0 done, 1 an error, 2 wrong usage, 3 refused or held back, 4 not in time.
#[derive(Debug, Parser)]
#[command(version, bin_name = "kubectl restapi")]
pub struct Cli {
    /// Which cluster, and where in it.
    #[command(flatten)]
    pub place: Place,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which cluster, and where in it.
#[derive(Clone, Debug, Default, Args)]
pub struct Place {
    /// The namespace; that of the context unless set.
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// The context of the kubeconfig; its current one unless set.
    #[arg(long, global = true, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig; `$KUBECONFIG` or ~/.kube/config unless set.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show an application's revisions, environments, components and pods; without NAME a line for each application.
    Get(Get),
    /// Let the revision that is ready serve.
    Promote(Order),
    /// Give up the revision that is being started.
    Abort(Order),
    /// Go back from the revision that serves to the one before, which is still kept.
    Rollback(Rollback),
    /// Try a revision again that was given up.
    Retry(Order),
    /// Go back to any recorded revision; it is started again.
    Undo(Undo),
    /// Replace the pods of the revision that serves, one after another, where they run.
    Restart(Order),
    /// Read again at once the Secrets and ConfigMaps that pods refer to: what has changed makes another revision.
    Refresh(Refresh),
    /// Say in a line where the rollout stands, or follow it to its end.
    Status(Status),
    /// Show what the managers told over NATS, oldest first.
    Events(Events),
    /// Print the Secrets with which NATS and those who connect to it know one another, made anew each time.
    Certificates(Certificates),
    /// Print a script that completes what is typed at a shell.
    Completion {
        /// For which shell.
        shell: Shell,
    },
    /// What could come next, in the words in which kubectl asks plugins for it.
    #[command(name = "__complete", hide = true)]
    Complete {
        /// What was typed so far; the last word is not complete.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// `get`.
#[derive(Debug, Args)]
pub struct Get {
    /// The RestAPI.
    pub name: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long, conflicts_with_all = ["name", "namespace"])]
    pub all_namespaces: bool,
    /// Show it again whenever it changes.
    #[arg(short, long)]
    pub watch: bool,
    /// In which form.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// In which form something is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Tree,
    /// For programs.
    Json,
    /// For programs, and people.
    Yaml,
}

/// How long to wait for the answer.
#[derive(Clone, Debug, Args)]
pub struct Patience {
    /// Don't wait for the answer.
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for the answer.
    #[arg(long, default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub timeout: Duration,
}

/// `promote`, `abort`, `retry` and `restart`.
#[derive(Debug, Args)]
pub struct Order {
    /// The RestAPI.
    pub name: String,
    /// The number of the revision; the one that the spec asks for unless set, of `restart` the one that serves.
    #[arg(long, value_name = "NUMBER", value_parser = number())]
    pub revision: Option<i64>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `refresh`.
#[derive(Debug, Args)]
pub struct Refresh {
    /// The RestAPI.
    pub name: String,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The RestAPI.
    pub name: String,
    /// The number of the revision to go back from; the one that the spec asks for unless set.
    #[arg(long, value_name = "NUMBER", value_parser = number(), conflicts_with = "to_revision")]
    pub revision: Option<i64>,
    /// The number of the revision to go back to. Needed with blue/green off, where nothing is kept.
    #[arg(long, value_name = "NUMBER", value_parser = number())]
    pub to_revision: Option<i64>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// The RestAPI.
    pub name: String,
    /// The number of the revision to go back to.
    #[arg(long, value_name = "NUMBER", value_parser = number())]
    pub to_revision: i64,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The RestAPI.
    pub name: String,
    /// Follow the rollout of what the spec asks for now, to its end.
    #[arg(long)]
    pub wait: bool,
    /// How long to follow it.
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "DURATION")]
    pub timeout: Duration,
    /// What counts as the end.
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub until: Until,
}

/// What counts as the end of a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// That the revision serves.
    #[default]
    Serving,
    /// That it serves, or waits to be promoted.
    Awaiting,
}

/// A revision's number.
fn number() -> clap::builder::RangedI64ValueParser<i64> {
    clap::value_parser!(i64).range(1..)
}

/// `events`.
#[derive(Debug, Args)]
pub struct Events {
    /// The RestAPI; all unless set.
    pub name: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long, conflicts_with_all = ["name", "namespace"])]
    pub all_namespaces: bool,
    /// Go on with what is told from now on.
    #[arg(short, long)]
    pub follow: bool,
    /// Only what happened within this time, such as 10m.
    #[arg(long, value_parser = age, value_name = "DURATION")]
    pub since: Option<SignedDuration>,
    /// In which form.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: EventsFormat,
    /// The address of NATS; the port of the Service nats is forwarded unless set.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Where NATS is installed.
    #[arg(long, default_value = "nats", value_name = "NAMESPACE")]
    pub nats_namespace: String,
    /// Where the managers are installed, and the Secret events-reader-nats.
    #[arg(long, default_value = "restapi-system", value_name = "NAMESPACE")]
    pub managers_namespace: String,
}

/// In which form events are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    /// For people: a line each.
    #[default]
    Text,
    /// As they were told: a `CloudEvent` each, in JSON.
    Json,
}

/// `certificates`.
#[derive(Debug, Args)]
pub struct Certificates {
    /// Where NATS is installed.
    #[arg(long, default_value = "nats", value_name = "NAMESPACE")]
    pub nats_namespace: String,
    /// Where the managers are installed.
    #[arg(long, default_value = "restapi-system", value_name = "NAMESPACE")]
    pub managers_namespace: String,
    /// For how many days they are valid.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650), value_name = "DAYS")]
    pub days: i64,
}

fn age(text: &str) -> Result<SignedDuration, String> {
    text.parse().map_err(|_| wrong_duration(text))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text.parse().map_err(|_| wrong_duration(text))?;
    Duration::try_from(parsed).map_err(|_| wrong_duration(text))
}

fn wrong_duration(text: &str) -> String {
    format!("{text} is no duration: write 30s, 10m or 1h30m")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[rstest]
    #[case("30s", 30)]
    #[case("1h30m", 5400)]
    #[case("0s", 0)]
    fn durations_are_read(#[case] text: &str, #[case] seconds: u64) {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
    }

    #[rstest]
    #[case(&["get", "-A", "orders"])]
    #[case(&["undo", "orders"])]
    #[case(&["promote", "orders", "--timeout", "-3s"])]
    #[case(&["promote", "orders", "--revision", "0"])]
    #[case(&["rollback", "orders", "--revision", "2", "--to-revision", "1"])]
    #[case(&["refresh", "orders", "--revision", "2"])]
    fn what_means_nothing_is_wrong_usage(#[case] words: &[&str]) {
        let words = ["kubectl-restapi"].iter().chain(words);
        let error = Cli::try_parse_from(words).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn the_place_may_stand_before_or_after() {
        for words in [["-n", "shop", "get"], ["get", "-n", "shop"]] {
            let cli = Cli::try_parse_from(["kubectl-restapi"].iter().chain(&words)).unwrap();
            assert_eq!(cli.place.namespace.as_deref(), Some("shop"));
        }
    }
}
