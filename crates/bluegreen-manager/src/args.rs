//! What bluegreen-manager can be told besides what every manager can.

use crate::probe::Prometheus;

/// Arguments of bluegreen-manager.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct BlueGreenArgs {
    /// Watch Secrets, so that a change is seen at once instead of within 50 seconds. Needs the right to list
    /// and watch Secrets, which is the right to read all of them: kustomize/components/watch-secrets.
    #[arg(long, env = "WATCH_SECRETS", value_parser = clap::builder::FalseyValueParser::new(),
          action = clap::ArgAction::SetTrue)]
    pub watch_secrets: bool,

    /// The Prometheus that gates may ask, such as `http://prometheus.monitoring:9090`. Whoever may write a RestAPI can
    /// ask it anything, and is told whether the answer keeps to bounds.
    #[arg(long, env = "PROMETHEUS_URL")]
    pub prometheus_url: Option<Prometheus>,
}
