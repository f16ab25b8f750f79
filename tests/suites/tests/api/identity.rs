//! Objects of one name that are not the same object: what a RestAPI's predecessor left is never taken
//! over, and what was deleted never comes back to life.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{DeleteParams, PropagationPolicy};
use restapi_types::{RestAPI, conditions};
use suites::audit::Snapshot;
use suites::manager::Manager;
use suites::namespace::Namespace;
use suites::wait::{eventually, timed};

use super::support::apps::{create, four, get, settled, view};
use super::support::{SOON, run};

#[tokio::test]
async fn what_an_orphaning_deletion_left_is_not_taken_over() -> Result<()> {
    run("orphans", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        settled(&ns).await?;
        ns.env
            .kubectl(&[
                "-n",
                &ns.name,
                "delete",
                "restapi",
                "orders",
                "--cascade=orphan",
                "--wait=false",
            ])
            .await?;
        let (orphans, successor) = replace_once_gone(&ns).await?;
        let reason = eventually(SOON, "the successor tells what is in its way", async || {
            let app = get(&ns, "orders").await?;
            let blocked = app
                .status
                .iter()
                .flat_map(|s| s.conditions.iter().flatten())
                .find(|c| {
                    c.type_ == conditions::READY && c.status == "False" && c.reason != "Applying"
                });
            let found = blocked.context("it does not")?;
            ensure!(
                ["NameTaken", "PredecessorRemains"].contains(&found.reason.as_str()),
                "{found:?}"
            );
            Ok(found.reason.clone())
        })
        .await?;
        ensure!(
            reason == "NameTaken",
            "what has no owner any more is {reason}"
        );
        let now = settled(&ns).await?.owned();
        ensure!(
            get(&ns, "orders").await?.uid() == successor.uid(),
            "the successor was replaced"
        );
        for (id, state) in orphans.states() {
            ensure!(now.states().get(&id) == Some(&state), "{id} was changed");
        }
        Ok(())
    })
    .await
}

/// Waits until the RestAPI is gone, and makes another of its name at once. Returns what the first left, as
/// it was before the other was made.
async fn replace_once_gone(ns: &Namespace) -> Result<(Snapshot, RestAPI)> {
    eventually(SOON, "the RestAPI is gone", async || {
        ensure!(
            ns.api::<RestAPI>().get_opt("orders").await?.is_none(),
            "it exists"
        );
        Ok(())
    })
    .await?;
    let left = Snapshot::of(ns).await?.owned();
    ensure!(
        left.get("Deployment/orders-view-blue").is_some(),
        "left: {:?}",
        left.ids()
    );
    ensure!(
        left.iter()
            .all(|(_, object)| object.owner_references().is_empty()),
        "not orphaned"
    );
    Ok((left, create(ns, "orders", &view()).await?))
}

#[tokio::test]
async fn a_restapi_deleted_and_made_again_at_once_gets_objects_of_its_own() -> Result<()> {
    run("successor", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &four()).await?;
        let first = settled(&ns).await?.owned();
        ns.api::<RestAPI>()
            .delete("orders", &DeleteParams::background())
            .await?;
        let successor = create(&ns, "orders", &four()).await?;
        let uid = successor.uid().context("the successor has no uid")?;
        timed(SOON, "the successor has every object", async || {
            let now = Snapshot::of(&ns).await?.owned();
            ensure!(now.ids() == first.ids(), "there are {:?}", now.ids());
            for (id, object) in now.iter() {
                let owners: Vec<_> = object
                    .owner_references()
                    .iter()
                    .map(|o| o.uid.clone())
                    .collect();
                ensure!(
                    owners == [uid.clone()],
                    "{id} belongs to {owners:?}, not to {uid}"
                );
            }
            Ok(())
        })
        .await?;
        let states = first.states();
        for (id, (uid, _)) in settled(&ns).await?.owned().states() {
            let before = states.get(&id).map(|(uid, _)| uid);
            ensure!(before != Some(&uid), "{id} is the predecessor's");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_deleted_behind_the_managers_back_is_made_anew() -> Result<()> {
    run("anew", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &view()).await?;
        let before = settled(&ns).await?;
        let gone = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        ns.api::<Deployment>()
            .delete("orders-view-blue", &gone)
            .await?;
        ns.api::<Service>().delete("orders-view", &gone).await?;
        let ids = ["Deployment/orders-view-blue", "Service/orders-view"];
        timed(SOON, "both exist again", async || {
            let now = Snapshot::of(&ns).await?;
            for id in ids {
                let uid = now.get(id).with_context(|| format!("no {id}"))?.uid();
                ensure!(
                    uid != before.get(id).and_then(ResourceExt::uid),
                    "{id} is the old one"
                );
            }
            Ok(())
        })
        .await?;
        let (before, after) = (before.states(), settled(&ns).await?.owned().states());
        ensure!(after.len() + 1 == before.len(), "exist: {:?}", after.keys());
        for (id, state) in after.iter().filter(|(id, _)| !ids.contains(&id.as_str())) {
            ensure!(before.get(id) == Some(state), "{id} was written");
        }
        Ok(())
    })
    .await
}
