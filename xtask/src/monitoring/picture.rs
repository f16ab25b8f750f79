//! `cargo xtask dashboard`: a dashboard as a picture, from what Prometheus answers to its queries. Grafana can't be run on
//! the local cluster; this shows what it would show.

mod ask;
mod draw;
mod numbers;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::dashboards;
use crate::artifacts;
use crate::cluster::Target;
use ask::Prometheus;

/// Arguments of `cargo xtask dashboard`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Which one: overview, core-reconciler, bluegreen-manager, application or tracing.
    pub(crate) dashboard: String,

    /// The file to write (SVG).
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: PathBuf,

    /// Of how many minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub(crate) last: u32,
}

/// Asks every query of the dashboard and draws the answers.
///
/// # Errors
/// When there is no such dashboard, Prometheus is not installed, or the file can't be written.
pub(crate) fn run(target: &Target, args: &Args) -> Result<()> {
    let json = dashboards::json(&args.dashboard)?;
    let dashboard: Value = serde_json::from_str(&json)?;
    let last = Duration::from_secs(u64::from(args.last) * 60);
    let prometheus = Prometheus::over(target, last)?;
    let panels = prometheus.panels(&dashboard)?;
    let title = dashboard.get("title").and_then(Value::as_str);
    let title = title.unwrap_or_default();
    artifacts::write(&args.svg, &draw::svg(title, &panels, prometheus.range))
        .with_context(|| format!("drawing {}", args.dashboard))
}
