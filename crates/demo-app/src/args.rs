//! Command line and environment.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use http::Uri;
use http::uri::Authority;

use crate::chain::Hop;
use crate::role::Role;

/// An order service that plays one of the four roles of a `RestAPI`.
#[derive(Debug, Clone, Parser)]
#[command(name = "demo-app", version, args_override_self = true)]
pub struct Args {
    /// What to play: view, controller, model or repository
    #[arg(long, env = "RESTAPI_COMPONENT")]
    pub role: Role,

    /// The component's name, in traces [default: the role's]
    #[arg(long, env = "RESTAPI_COMPONENT")]
    pub component: Option<String>,

    /// TCP port to listen on, for HTTP and for gRPC's health protocol [default: view 3000, controller 8081, model 8080, repository 8082]
    #[arg(long, env = "RESTAPI_PORT")]
    pub port: Option<u16>,

    /// Address to listen on [default: all, of both address families where there are both]
    #[arg(long, env = "DEMO_ADDRESS")]
    pub address: Option<IpAddr>,

    /// The application's name
    #[arg(long, env = "RESTAPI_NAME", default_value = "orders")]
    pub name: String,

    /// The environment this pod belongs to: blue or green
    #[arg(long, env = "RESTAPI_ENVIRONMENT", default_value = "none")]
    pub environment: String,

    /// The pod's template hash
    #[arg(long = "revision", env = "RESTAPI_VERSION", default_value = "none")]
    pub revision: String,

    /// The pod's name
    #[arg(long, env = "RESTAPI_POD", default_value = "local")]
    pub pod: String,

    /// Where the model answers, as http://HOST:PORT
    #[arg(long, env = "MODEL_URL", default_value = "")]
    pub model_url: String,

    /// Where the view answers, as http://HOST:PORT
    #[arg(long, env = "VIEW_URL", default_value = "")]
    pub view_url: String,

    /// Where the controller answers, as http://HOST:PORT
    #[arg(long, env = "CONTROLLER_URL", default_value = "")]
    pub controller_url: String,

    /// Where the repository answers, as http://HOST:PORT
    #[arg(long, env = "REPOSITORY_URL", default_value = "")]
    pub repository_url: String,

    /// Directory of the repository's files
    #[arg(long, env = "DEMO_DATA_DIR", default_value = "/tmp/data")]
    pub data_dir: PathBuf,

    /// Most orders that the repository keeps
    #[arg(long, env = "DEMO_MAX_ORDERS", default_value_t = 50_000)]
    pub max_orders: usize,

    /// Longest time that a request may take, in milliseconds
    #[arg(long, env = "DEMO_REQUEST_TIMEOUT_MS", default_value_t = 5000,
        value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub request_timeout_ms: u64,

    /// Requests that the controller works on at once
    #[arg(long, env = "DEMO_MAX_IN_FLIGHT", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_in_flight: u32,

    /// Requests that the controller lets wait beyond those; one more is refused with 503
    #[arg(long, env = "DEMO_MAX_QUEUED", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub max_queued: u32,

    /// Connections that are open at once; more wait to be accepted
    #[arg(long, env = "DEMO_MAX_CONNECTIONS", default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_connections: u32,

    /// Age after which a connection is closed politely, so that clients find new pods, in seconds
    #[arg(long, env = "DEMO_MAX_CONNECTION_AGE_SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub max_connection_age_seconds: u64,

    /// On SIGTERM: time during which requests are still accepted, in milliseconds; longer than
    /// clients keep unused connections
    #[arg(long, env = "DEMO_DRAIN_MS", default_value_t = 2000,
        value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub drain_ms: u64,

    /// On SIGTERM: time after which the process ends whatever is still running, in milliseconds
    #[arg(long, env = "DEMO_SHUTDOWN_MS", default_value_t = 10_000,
        value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub shutdown_ms: u64,

    /// Where spans go: http://HOST:PORT of a collector that takes OTLP by gRPC [default: nowhere]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", default_value = "")]
    pub otlp_endpoint: String,

    /// Share of the traces that begin here whose spans are exported, 0 to 1
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value = "1", value_parser = share)]
    pub traces_share: f64,

    /// Allow faults to be switched on over POST /faults; for tests only
    #[arg(long, env = "DEMO_ALLOW_FAULTS")]
    pub allow_faults: bool,

    /// Threads that serve requests
    #[arg(long, env = "DEMO_WORKER_THREADS", default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=64))]
    pub worker_threads: u16,
}

/// A peer's address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable} is `{value}`; it must be http://HOST:PORT (or grpc:// or tcp://), without a path and without TLS"
)]
pub struct BadPeerUrl {
    variable: &'static str,
    value: String,
}

impl Args {
    /// This pod, as it appears in `chain`.
    #[must_use]
    pub fn hop(&self) -> Hop {
        Hop {
            role: self.role,
            environment: self.environment.clone(),
            version: self.revision.clone(),
            pod: self.pod.clone(),
        }
    }

    /// The port to listen on.
    #[must_use]
    pub fn listen_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.role.default_port())
    }

    /// Longest time that a request may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// Host and port of a peer; `None` when its address was not given.
    ///
    /// # Errors
    /// [`BadPeerUrl`] when it was given but is no plain `http://HOST:PORT`, `grpc://` or `tcp://`.
    pub fn peer(&self, role: Role) -> Result<Option<Authority>, BadPeerUrl> {
        let value = match role {
            Role::View => &self.view_url,
            Role::Controller => &self.controller_url,
            Role::Model => &self.model_url,
            Role::Repository => &self.repository_url,
        };
        if value.is_empty() {
            return Ok(None);
        }
        parse_peer(value).map(Some).ok_or_else(|| BadPeerUrl {
            variable: role.url_variable(),
            value: value.clone(),
        })
    }
}

/// How addresses of peers begin. The operator names what it was told that a component speaks; each
/// of them answers HTTP at the same port.
const SCHEMES: [&str; 3] = ["http", "grpc", "tcp"];

/// A number from 0 to 1; all, where a variable is set to nothing.
fn share(text: &str) -> Result<f64, &'static str> {
    if text.is_empty() {
        return Ok(1.0);
    }
    let share = text.parse().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or("it must be a number from 0 to 1")
}

fn parse_peer(value: &str) -> Option<Authority> {
    let uri: Uri = value.parse().ok()?;
    let is_known = uri
        .scheme_str()
        .is_some_and(|scheme| SCHEMES.contains(&scheme));
    let plain = is_known && matches!(uri.path(), "" | "/");
    let authority = uri.authority()?;
    let named = !authority.host().is_empty() && !authority.as_str().contains('@');
    (plain && uri.query().is_none() && named).then(|| authority.clone())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn args(more: &[&str]) -> Args {
        Args::try_parse_from(["demo-app", "--role", "model"].iter().chain(more)).unwrap()
    }

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn ports_follow_the_role_unless_given() {
        assert_eq!(args(&[]).listen_port(), 8080);
        assert_eq!(args(&["--port", "9000"]).listen_port(), 9000);
    }

    #[test]
    fn the_share_of_traces_is_a_number_from_0_to_1() {
        let share = |text| args(&["--traces-share", text]).traces_share;
        assert!((args(&[]).traces_share - 1.0).abs() < f64::EPSILON);
        assert!((share("") - 1.0).abs() < f64::EPSILON);
        assert!((share("0.25") - 0.25).abs() < f64::EPSILON);
        for bad in ["2", "-0.1", "all", "NaN"] {
            let bad = format!("--traces-share={bad}");
            let parsed = Args::try_parse_from(["demo-app", "--role", "model", &bad]);
            assert!(parsed.is_err(), "{bad}");
        }
    }

    #[test]
    fn peers_are_plain_addresses() {
        let peer = |url: &str| args(&["--repository-url", url]).peer(Role::Repository);
        assert_eq!(peer(""), Ok(None));
        assert_eq!(peer("http://r:8082").unwrap().unwrap(), "r:8082");
        assert_eq!(peer("http://r/").unwrap().unwrap(), "r");
        assert_eq!(peer("grpc://r:8082").unwrap().unwrap(), "r:8082");
        assert_eq!(peer("tcp://r:8082").unwrap().unwrap(), "r:8082");
        for bad in [
            "r:8082",
            "https://r:8082",
            "http://r/path",
            "http://r?q",
            "http://u@r",
            "http://",
        ] {
            let error = peer(bad).unwrap_err();
            assert!(error.to_string().contains("REPOSITORY_URL"), "{bad}");
        }
    }
}
