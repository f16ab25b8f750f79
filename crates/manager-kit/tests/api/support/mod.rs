//! What the tests share.

pub(crate) mod fake_api;
pub(crate) mod recorder;

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use manager_kit::client::{Limits, limit};
use manager_kit::context::{BackgroundTask, Base, Clients};
use manager_kit::shutdown::ShutdownTrigger;
use manager_kit::telemetry::spans::Spans;
use manager_kit::{Clock, Context, KitArgs, ManagerInfo, Metrics, Readiness, Shutdown};
use serde_json::{Value, json};

use self::fake_api::FakeApi;

pub(crate) const INFO: ManagerInfo = ManagerInfo {
    name: "test-manager",
    version: "0.0.0",
};
pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

#[derive(Parser)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) kit: KitArgs,
}

pub(crate) fn args(extra: &[&str]) -> KitArgs {
    let fixed = ["manager", "--pod-name=pod-a", "--pod-namespace=system"];
    Cli::parse_from(fixed.iter().chain(extra)).kit
}

/// A manager's context over the fake, with what keeps it going.
pub(crate) struct Kit {
    pub(crate) ctx: Context,
    pub(crate) stop: ShutdownTrigger,
    pub(crate) release: ShutdownTrigger,
    pub(crate) tasks: Vec<BackgroundTask>,
}

impl Kit {
    pub(crate) fn new(api: &Arc<FakeApi>, extra: &[&str]) -> Self {
        let metrics = Metrics::new(INFO);
        let clients = Clients {
            main: limit(api.client(), Limits::DEFAULT, &metrics),
            lease: limit(api.client(), Limits::LEASE, &metrics),
        };
        let (stop, shutdown) = Shutdown::channel();
        let (release, released) = Shutdown::channel();
        let base = Base {
            metrics,
            readiness: Readiness::default(),
            clock: Clock::system(),
            spans: Spans::nowhere(),
        };
        let (ctx, tasks) =
            Context::assemble(INFO, args(extra), clients, base, (shutdown, &released));
        Self {
            ctx,
            stop,
            release,
            tasks,
        }
    }

    /// Without leases: everything is held.
    pub(crate) fn leaseless(api: &Arc<FakeApi>, extra: &[&str]) -> Self {
        let extra: Vec<&str> = extra.iter().copied().chain(["--no-lease"]).collect();
        Self::new(api, &extra)
    }

    pub(crate) fn metric(&self, line_start: &str) -> f64 {
        let text = self.ctx.metrics.encode();
        let line = text.lines().find(|line| line.starts_with(line_start));
        line.map_or(0.0, |line| {
            line.rsplit(' ').next().unwrap().parse().unwrap()
        })
    }
}

/// Waits until the condition holds, for at most a minute of the runtime's time.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let result = tokio::time::timeout(Duration::from_mins(1), waiting).await;
    assert!(result.is_ok(), "did not happen: {what}");
}

pub(crate) fn deployment(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop"}})
}

pub(crate) fn deployments(client: Client) -> kube::Api<Deployment> {
    kube::Api::namespaced(client, "shop")
}
