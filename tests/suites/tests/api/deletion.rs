//! Deletion is the garbage collector's: it works with every manager down.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use suites::audit::Snapshot;
use suites::manager::Manager;
use suites::wait::timed;

use super::support::apps::{create, four, ready, settled, view};
use super::support::{SOON, run};

#[tokio::test]
async fn everything_goes_with_the_manager_stopped() -> Result<()> {
    run("deletion", async |ns| {
        let manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &four()).await?;
        create(&ns, "bystander", &view()).await?;
        ready(&ns, "orders").await?;
        settled(&ns).await?;
        manager.kill().await?;
        ns.env
            .kubectl(&["-n", &ns.name, "delete", "ra", "orders"])
            .await?;
        timed(SOON, "everything of the application is gone", async || {
            let all = Snapshot::of(&ns).await?;
            let left: Vec<&str> = all
                .ids()
                .into_iter()
                .filter(|id| id.contains("/orders"))
                .collect();
            ensure!(left.is_empty(), "there are {left:?}");
            let of_app = ListParams::default().labels("app.kubernetes.io/instance=orders");
            let pods = ns.api::<Pod>().list(&of_app).await?.items.len();
            ensure!(pods == 0, "there are {pods} pods");
            Ok(())
        })
        .await?;
        let rest = Snapshot::of(&ns).await?;
        ensure!(
            rest.ids().len() == 7,
            "of the other application there are {:?}",
            rest.ids()
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn nothing_is_made_again_while_everything_goes() -> Result<()> {
    run("foreground", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &four()).await?;
        ready(&ns, "orders").await?;
        let before = settled(&ns).await?.owned().states();
        ns.env
            .kubectl(&[
                "-n",
                &ns.name,
                "delete",
                "ra",
                "orders",
                "--cascade=foreground",
                "--wait=false",
            ])
            .await?;
        timed(SOON, "everything of the application is gone", async || {
            let now = Snapshot::of(&ns).await?;
            for (id, (uid, _)) in now.clone().owned().states() {
                let known = before.get(&id).is_some_and(|(before, _)| *before == uid);
                ensure!(known, "{id} was made during the deletion");
            }
            ensure!(now.ids().is_empty(), "there are {:?}", now.ids());
            Ok(())
        })
        .await?;
        ensure!(
            super::support::apps::quiet(&ns, SOON)
                .await?
                .ids()
                .is_empty(),
            "something came back"
        );
        Ok(())
    })
    .await
}
