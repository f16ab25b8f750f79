//! What the spec no longer asks for goes, and nothing else.

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::api::ListParams;
use serde_json::json;
use suites::audit::Snapshot;
use suites::manager::Manager;
use suites::wait::timed;

use super::support::apps::{change, create, four, ready, settled};
use super::support::{SOON, run};

#[tokio::test]
async fn a_removed_component_goes_and_the_others_stay_the_same_objects() -> Result<()> {
    run("pruning", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &four()).await?;
        create(&ns, "bystander", &four()).await?;
        ready(&ns, "orders").await?;
        let before = settled(&ns).await?.owned().states();
        change(&ns, "orders", &json!({"view": null})).await?;
        timed(SOON, "the objects of view are gone", async || {
            let now = Snapshot::of(&ns).await?;
            let left: Vec<&str> = now
                .ids()
                .into_iter()
                .filter(|id| id.contains("/orders-view"))
                .collect();
            ensure!(left.is_empty(), "there are {left:?}");
            Ok(())
        })
        .await?;
        ready(&ns, "orders").await?;
        let after = settled(&ns).await?.owned().states();
        for (id, (uid, _)) in before.iter().filter(|(id, _)| !id.contains("/orders-view")) {
            let now = after.get(id).map(|(uid, _)| uid);
            ensure!(now == Some(uid), "{id} was replaced or removed");
        }
        let bystander = |id: &&String| id.contains("/bystander");
        for id in before.keys().filter(bystander) {
            ensure!(after.get(id) == before.get(id), "{id} was written");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn no_more_than_ten_earlier_revisions_are_kept() -> Result<()> {
    run("history", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(
            &ns,
            "orders",
            &json!({"image": "example.invalid/app:0", "view": {}}),
        )
        .await?;
        settled(&ns).await?;
        for number in 1..=12 {
            change(
                &ns,
                "orders",
                &json!({"image": format!("example.invalid/app:{number}")}),
            )
            .await?;
            super::support::apps::observed(&ns, "orders").await?;
        }
        settled(&ns).await?;
        let kept = ns
            .api::<ControllerRevision>()
            .list(&ListParams::default())
            .await?;
        let mut numbers: Vec<i64> = kept.iter().map(|revision| revision.revision).collect();
        numbers.sort_unstable();
        ensure!(
            numbers == (3..=13).collect::<Vec<_>>(),
            "revisions {numbers:?} are kept"
        );
        Ok(())
    })
    .await
}
