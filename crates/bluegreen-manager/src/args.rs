//! What bluegreen-manager can be told besides what every manager can.

use workloads::watches::WatchArgs;

use crate::probe::Prometheus;

/// Arguments of bluegreen-manager.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct BlueGreenArgs {
    /// What is watched.
    #[command(flatten)]
    pub watches: WatchArgs,

    /// The Prometheus that gates may ask, such as `http://prometheus.monitoring:9090`. Whoever may write a RestAPI can
    /// ask it anything, and is told whether the answer keeps to bounds.
    #[arg(long, env = "PROMETHEUS_URL")]
    pub prometheus_url: Option<Prometheus>,
}
