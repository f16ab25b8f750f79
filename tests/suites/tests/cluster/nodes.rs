//! One application on two nodes.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use restapi_types::ComponentName;
use serde_json::json;
use suites::app::{App, four};
use suites::wait::eventually;
use suites::{chain, pods};

use crate::setting;

#[tokio::test]
async fn pods_on_two_nodes_talk_to_each_other_both_ways() -> Result<()> {
    setting::shared("nodes", async |namespace| {
        let app = App::create(&namespace, "orders", four(&setting::demo()?)).await?;
        app.change(json!({"replicas": 2})).await?;
        app.ready().await?;
        let nodes = pods::nodes(&app.only_ready_pods(8).await?);
        let both: BTreeSet<&String> = nodes.values().collect();
        ensure!(both.len() == 2, "the scheduler put all pods on {both:?}");
        let mut ways = BTreeSet::new();
        eventually(
            Duration::from_secs(30),
            "requests cross the nodes both ways",
            async || {
                let hops = chain::whole(&app.get("/api/chain").await?, ComponentName::View)?;
                for pair in hops.windows(2) {
                    let node = |hop: Option<&chain::Hop>| nodes.get(&hop?.pod).cloned();
                    let from = node(pair.first()).context("a pod that is not ready")?;
                    let to = node(pair.last()).context("a pod that is not ready")?;
                    if from != to {
                        ways.insert((from, to));
                    }
                }
                ensure!(ways.len() == 2, "seen so far: {ways:?}");
                Ok(())
            },
        )
        .await
    })
    .await
}
