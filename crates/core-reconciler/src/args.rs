//! What core-reconciler can be told besides what every manager can.

use restapi_resources::surroundings::{Otlp, Surroundings};
use workloads::watches::WatchArgs;

/// What the generated objects need to know of the cluster around them.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SurroundingsArgs {
    /// The namespace from which metrics are collected: generated NetworkPolicies admit it to the metrics
    /// ports. Nobody is admitted unless set.
    #[arg(long, env = "MONITORING_NAMESPACE", value_name = "NAMESPACE")]
    pub monitoring_namespace: Option<String>,

    /// The namespace of the trace collector that applications may reach. None unless set.
    #[arg(long, env = "APP_OTLP_NAMESPACE", value_name = "NAMESPACE")]
    pub app_otlp_namespace: Option<String>,

    /// The port of the trace collector's pods.
    #[arg(long, env = "APP_OTLP_PORT", value_name = "PORT", default_value_t = 4317,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub app_otlp_port: u16,
}

/// Arguments of core-reconciler.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CoreArgs {
    /// What the generated objects need to know of the cluster around them.
    #[command(flatten)]
    pub surroundings: SurroundingsArgs,

    /// What is watched.
    #[command(flatten)]
    pub watches: WatchArgs,
}

impl SurroundingsArgs {
    /// What generated NetworkPolicies admit, for managers that run in `managers_namespace`.
    #[must_use]
    pub fn of(&self, managers_namespace: &str) -> Surroundings {
        let given = |value: &Option<String>| value.clone().filter(|v| !v.is_empty());
        Surroundings {
            managers_namespace: managers_namespace.to_owned(),
            monitoring_namespace: given(&self.monitoring_namespace),
            otlp: given(&self.app_otlp_namespace).map(|namespace| Otlp {
                namespace,
                port: self.app_otlp_port,
            }),
        }
    }
}
