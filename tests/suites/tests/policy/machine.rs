//! The local cluster with this network: it too survives the death of all its processes, and leaves nothing behind.

use anyhow::Result;
use suites::scratch;

use crate::setting;

#[tokio::test]
async fn a_cluster_comes_back_after_a_crash_and_down_leaves_nothing() -> Result<()> {
    setting::alone("machine", async |namespace| {
        let up = ["--nodes", "1", "--network", "cilium"];
        scratch::crash_and_remove(&namespace.env, &up).await
    })
    .await
}
