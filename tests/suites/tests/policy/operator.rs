//! The operator's own `NetworkPolicy`: what its pods may reach, and who reaches them.

use anyhow::Result;
use suites::plain;
use suites::reach::{Source, Target, matrix};

use crate::setting::{self, NODES};

/// The port of its metrics and probes.
const METRICS: u16 = 9090;

/// The ports at which it may ask pods of any namespace: of NATS, and of the collector of its traces.
const ASKED: [(&str, u16); 3] = [("nats", 4222), ("otlp-grpc", 4317), ("otlp-http", 4318)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_reaches_what_it_works_with_and_nothing_else() -> Result<()> {
    setting::shared("manager", async |own| {
        let manager = setting::manager(&own).await?;
        let pod = plain::pod(&own, "pod", NODES[0], &setting::demo()?).await?;
        let sources = [Source::pod("manager", &manager)?, Source::pod("pod", &pod)?];
        let mut targets = vec![
            Target::tcp("api-server", setting::api_server(&own).await?),
            Target::dns("dns", setting::dns(&own).await?),
            Target::tcp("pod", plain::address(&pod, plain::PORT)?),
            Target::tcp("metrics", plain::address(&manager, METRICS)?),
            Target::tcp("other-port", plain::address(&manager, plain::PORT)?),
        ];
        // Nobody listens there: that a connection is refused shows that the packets came through.
        for (name, port) in ASKED {
            targets.push(Target::tcp(name, plain::address(&pod, port)?));
        }
        let is_asked = |to: &str| ASKED.iter().any(|(name, _)| *name == to);
        let reaches = |from: &str, to: &str| match (from, to) {
            ("manager", "api-server" | "dns" | "other-port" | "metrics") => true,
            ("manager", to) => is_asked(to),
            (_, to) => to != "other-port",
        };
        // Of itself a pod is never kept: its own two ports are of interest for the other pod alone.
        matrix("only what is allowed", &sources, &targets, reaches).await
    })
    .await
}
