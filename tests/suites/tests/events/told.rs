//! What is told.

use anyhow::{Context, Result, ensure};
use restapi_types::{Event, EventKind};
use suites::nats::{self, Nats};
use suites::wait::eventually;

use super::setting::{self, Managers, STEP, ends_as_without, there_and_back};

fn kinds(events: &[Event], revision: i64) -> Vec<&'static str> {
    let of_it = events.iter().filter(|e| e.data.revision == Some(revision));
    let rollout = of_it.filter_map(Event::known_kind);
    let rollout = rollout.filter(|kind| kind.manager() == "bluegreen-manager");
    rollout.map(EventKind::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_and_its_rollback_are_told_in_order_each_once_although_managers_were_killed()
-> Result<()> {
    setting::run("told", async |namespace| {
        let nats = Nats::start(&namespace).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let app = there_and_back(&namespace).await?;
        ends_as_without(&app).await?;
        // Whoever comes after them tells it again, and it is the same.
        managers.core.kill().await?;
        managers.bluegreen.kill().await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        eventually(STEP, "all was told again", async || {
            let again = managers.sum("restapi_bus_published_total").await?;
            ensure!(again >= 8.0, "{again} events so far");
            Ok(())
        })
        .await?;
        let events = nats.events().await?;
        let shown = nats::listed(&events);
        ensure!(
            kinds(&events, 1)
                == [
                    "rollout.started",
                    "preview.ready",
                    "rollout.completed",
                    // Of the rollback.
                    "traffic.switched"
                ],
            "{shown}"
        );
        ensure!(
            kinds(&events, 2)
                == [
                    "rollout.started",
                    "preview.ready",
                    "traffic.switched",
                    "rollout.completed",
                    "rollout.rolledback"
                ],
            "{shown}"
        );
        let mut ids: Vec<_> = events.iter().map(|event| &event.id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        ensure!(ids.len() == all, "not each once:\n{shown}");
        let of_core = |kind: EventKind| events.iter().any(|e| e.known_kind() == Some(kind));
        ensure!(of_core(EventKind::ApplicationSynced), "{shown}");
        ensure!(of_core(EventKind::ApplicationReady), "{shown}");
        let first = events.first().context("no event")?;
        let uid = app.restapi().await?.metadata.uid;
        ensure!(Some(&first.data.application.uid) == uid.as_ref());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_manager_tells_has_the_other_look_again() -> Result<()> {
    setting::run("heard", async |namespace| {
        let nats = Nats::start(&namespace).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let _app = there_and_back(&namespace).await?;
        for manager in [&managers.core, &managers.bluegreen] {
            eventually(STEP, "hints are heard", async || {
                let metrics = manager.metrics().await?;
                ensure!(metrics.sum("restapi_bus_received_total", &[]) >= 1.0);
                ensure!(metrics.sum("restapi_dependency_up", &[]) >= 2.0);
                Ok(())
            })
            .await?;
        }
        ensure!(managers.sum("restapi_bus_failures_total").await? < 1.0);
        Ok(())
    })
    .await
}
