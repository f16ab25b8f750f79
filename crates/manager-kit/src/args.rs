//! The arguments that every manager takes. Each is a flag and an environment variable.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use crate::bus::NatsArgs;

/// What `--log` is when neither the flag, `LOG` nor `RUST_LOG` is set.
///
/// The kit logs failed requests, watches and reconciles itself, with their object, and what happens at NATS; the lines
/// and spans that the client libraries add for the same things are left out.
const DEFAULT_LOG: &str =
    "info,kube_client::client::builder=off,kube_runtime=error,async_nats=error";

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line, with the ids of the current trace and span.
    #[default]
    Json,
    /// Lines for people.
    Text,
}

/// Arguments shared by all managers; flatten them into the manager's own with `#[command(flatten)]`.
#[derive(Clone, Debug, Args)]
pub struct KitArgs {
    /// The only namespace to work in. Not set or empty: all namespaces.
    #[arg(long, env = "WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub watch_namespace: Option<String>,

    /// Address that serves /livez, /readyz and /metrics.
    #[arg(
        long,
        env = "LISTEN_ADDR",
        default_value = "0.0.0.0:9090",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,

    /// How many objects are reconciled at the same time, at least 1.
    #[arg(long, env = "CONCURRENCY", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "COUNT")]
    pub concurrency: u16,

    /// What is logged: directives such as `info` or `info,manager_kit=debug`. `RUST_LOG` is used
    /// when neither this flag nor LOG is set.
    #[arg(long, env = "LOG", value_name = "DIRECTIVES")]
    pub log: Option<String>,

    /// How log lines are written.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// The identity under which leases are held, unique among the running instances. Default: the
    /// host's name and the process id.
    #[arg(long, env = "POD_NAME", default_value_t = default_identity(), value_name = "NAME")]
    pub pod_name: String,

    /// The namespace in which leases are kept.
    #[arg(
        long,
        env = "POD_NAMESPACE",
        default_value = "restapi-system",
        value_name = "NAMESPACE"
    )]
    pub pod_namespace: String,

    /// How long a lease outlives its last renewal, 3s to 10min. Another instance takes over after
    /// this time when the holder dies without releasing; the holder itself stops writing after two
    /// thirds of it.
    #[arg(long, env = "LEASE_DURATION", default_value = "15s", value_parser = lease_duration,
          value_name = "DURATION")]
    pub lease_duration: Duration,

    /// Work without leases. Only for one single instance outside a cluster: two instances without
    /// leases write against each other.
    #[arg(long, env = "NO_LEASE", value_parser = FalseyValueParser::new())]
    pub no_lease: bool,

    /// Where NATS is.
    #[command(flatten)]
    pub nats: NatsArgs,
}

impl KitArgs {
    /// The only namespace to work in, `None` for all.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.watch_namespace
            .as_deref()
            .filter(|namespace| !namespace.is_empty())
    }

    /// The log directives in force: the flag or `LOG`, else `RUST_LOG`, else a default.
    #[must_use]
    pub fn log_directives(&self) -> String {
        let given = self.log.clone().or_else(|| std::env::var("RUST_LOG").ok());
        given
            .filter(|directives| !directives.is_empty())
            .unwrap_or_else(|| DEFAULT_LOG.to_owned())
    }
}

fn default_identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host
        .as_deref()
        .map(str::trim)
        .filter(|host| !host.is_empty());
    format!("{}-{}", host.unwrap_or("localhost"), std::process::id())
}

fn lease_duration(text: &str) -> Result<Duration, String> {
    let given: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("'{text}' is not a duration; write it like 15s or 1m"))?;
    let given = Duration::try_from(given).map_err(|_| "must not be negative".to_owned())?;
    if (Duration::from_secs(3)..=Duration::from_mins(10)).contains(&given)
        && given.subsec_nanos() == 0
    {
        Ok(given)
    } else {
        Err(format!(
            "'{text}' is out of range; give whole seconds from 3s to 10m"
        ))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        kit: KitArgs,
    }

    fn parse(arguments: &[&str]) -> Result<KitArgs, clap::Error> {
        let arguments = std::iter::once("manager").chain(arguments.iter().copied());
        Cli::try_parse_from(arguments).map(|cli| cli.kit)
    }

    #[test]
    fn defaults_suit_a_cluster() {
        let kit = parse(&[]).unwrap();
        assert_eq!(kit.namespace(), None);
        assert_eq!(kit.listen.port(), 9090);
        assert_eq!(kit.concurrency, 16);
        assert_eq!(kit.log_format, LogFormat::Json);
        assert_eq!(kit.pod_namespace, "restapi-system");
        assert_eq!(kit.lease_duration, Duration::from_secs(15));
        assert!(!kit.no_lease);
        assert!(kit.pod_name.ends_with(&std::process::id().to_string()));
    }

    #[test]
    fn an_empty_namespace_means_all() {
        assert_eq!(parse(&["--watch-namespace", ""]).unwrap().namespace(), None);
        assert_eq!(
            parse(&["--watch-namespace", "shop"]).unwrap().namespace(),
            Some("shop")
        );
    }

    #[test]
    fn every_flag_has_an_environment_variable_and_a_help_text() {
        use clap::CommandFactory;
        for argument in Cli::command()
            .get_arguments()
            .filter(|a| a.get_id() != "help")
        {
            assert!(
                argument.get_env().is_some(),
                "{} has no variable",
                argument.get_id()
            );
            assert!(
                argument.get_help().is_some(),
                "{} has no help",
                argument.get_id()
            );
        }
    }

    #[rstest::rstest]
    #[case("2s")]
    #[case("11m")]
    #[case("1500ms")]
    #[case("-15s")]
    #[case("fifteen")]
    fn unusable_lease_durations_are_refused(#[case] text: &str) {
        assert!(parse(&[&format!("--lease-duration={text}")]).is_err());
    }

    #[test]
    fn unbounded_concurrency_is_refused() {
        assert!(parse(&["--concurrency", "0"]).is_err());
    }
}
