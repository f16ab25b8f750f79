//! The operator's own `NetworkPolicy`: what its pods may reach, and who reaches them.

use anyhow::Result;
use suites::plain;
use suites::reach::{Source, Target, matrix};

use crate::setting::{self, NODES};

/// The port of its metrics and probes.
const METRICS: u16 = 9090;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_reaches_the_api_server_and_names_and_nothing_else() -> Result<()> {
    setting::shared("manager", async |own| {
        let manager = setting::manager(&own).await?;
        let pod = plain::pod(&own, "pod", NODES[0], &setting::demo()?).await?;
        let sources = [Source::pod("manager", &manager)?, Source::pod("pod", &pod)?];
        let targets = [
            Target::tcp("api-server", setting::api_server(&own).await?),
            Target::dns("dns", setting::dns(&own).await?),
            Target::tcp("pod", plain::address(&pod, plain::PORT)?),
            Target::tcp("metrics", plain::address(&manager, METRICS)?),
            Target::tcp("other-port", plain::address(&manager, plain::PORT)?),
        ];
        let reaches = |from: &str, to: &str| match (from, to) {
            ("manager", to) => {
                matches!(to, "api-server" | "dns") || to == "other-port" || to == "metrics"
            }
            (_, to) => to != "other-port",
        };
        // Of itself a pod is never kept: the last two are of interest for the other pod alone.
        matrix("only what is allowed", &sources, &targets, reaches).await
    })
    .await
}
