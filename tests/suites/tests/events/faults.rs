//! Whatever is wrong with events or with NATS: the end is the same as without it, and nothing waits for it.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use restapi_types::event::{ApplicationRef, Facts, STREAM, SUBJECTS, durable, managers};
use restapi_types::status::RolloutPhase;
use restapi_types::{Event, EventKind, conditions};
use suites::app::App;
use suites::namespace::Namespace;
use suites::nats::{ADMIN, Nats};
use suites::wait::eventually;

use super::setting::{
    self, Managers, STEP, back, born, ends_as_without, serves, there_and_back, update,
};

/// An event about an application as anybody could make it up.
fn made_up(app: &App, uid: &str, kind: EventKind, revision: i64, time: jiff::Timestamp) -> Event {
    let application = ApplicationRef {
        namespace: app.namespace.name.clone(),
        name: app.name.clone(),
        uid: uid.to_owned(),
    };
    let facts = Facts {
        revision: Some(revision),
        revision_hash: Some("ffffffffffff".to_owned()),
        attempt: Some(99),
        ..Facts::of(application)
    };
    Event::new(kind, time, facts)
}

/// Publishes it `times` times as somebody who may do anything, each as if it were another one.
async fn publish(nats: &Nats, event: &Event, times: usize) -> Result<()> {
    let admin = nats.admin().await?;
    for number in 0..times {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{}-{number}", event.id).as_str());
        let subject = event.nats_subject().unwrap_or_default();
        let payload = serde_json::to_vec(event)?;
        let sent = admin.publish_with_headers(subject, headers, payload.into());
        sent.await?.await?;
    }
    Ok(())
}

/// Both have heard `hints` of others.
async fn heard(managers: &Managers, hints: f64) -> Result<()> {
    eventually(STEP, "all was heard", async || {
        let heard = managers.sum("restapi_bus_received_total").await?;
        ensure!(heard >= hints, "{heard} of {hints}");
        Ok(())
    })
    .await
}

/// NATS has refused the managers nothing: each may all that it needs, also for going on after the connection was lost.
fn nothing_was_refused(namespace: &Namespace) -> Result<()> {
    for manager in managers() {
        let log = std::fs::read_to_string(namespace.logs().join(format!("{manager}.log")))?;
        let mut lines = log.lines();
        if let Some(refused) = lines.find(|line| line.contains("Permissions Violation")) {
            bail!("{manager}: {refused}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nats_never_is_everything_goes_on_and_what_waits_is_bounded() -> Result<()> {
    setting::run("never", async |namespace| {
        let mut nats = Nats::start(&namespace).await?;
        nats.kill().await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let app = there_and_back(&namespace).await?;
        ends_as_without(&app).await?;
        let waiting = managers.sum("restapi_bus_waiting").await?;
        ensure!((1.0..100.0).contains(&waiting), "{waiting} events wait");
        ensure!(managers.sum("restapi_bus_published_total").await? < 1.0);
        ensure!(managers.sum("restapi_dependency_up").await? < 1.0);
        // They get out once it is there after all.
        nats.again().await?;
        eventually(STEP, "what waited is out", async || {
            ensure!(managers.sum("restapi_bus_waiting").await? < 1.0);
            Ok(())
        })
        .await?;
        let events = u32::try_from(nats.events().await?.len())?;
        ensure!(f64::from(events) >= waiting, "{events} of {waiting} events");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_can_be_killed_in_the_middle_of_a_rollout_and_come_back() -> Result<()> {
    setting::run("killed", async |namespace| {
        let mut nats = Nats::start(&namespace).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let app = born(&namespace, "orders").await?;
        update(&app).await?;
        nats.kill().await?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        nats.again().await?;
        back(&app).await?;
        ends_as_without(&app).await?;
        eventually(STEP, "all was told after all", async || {
            let events = nats.events().await?;
            for kind in [EventKind::TrafficSwitched, EventKind::RolloutCompleted] {
                let told = events.iter().any(|event| {
                    event.known_kind() == Some(kind) && event.data.revision == Some(2)
                });
                ensure!(told, "not told: {kind:?}");
            }
            Ok(())
        })
        .await?;
        ensure!(managers.sum("restapi_bus_lost_total").await? < 1.0);
        nothing_was_refused(&namespace)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_events_and_nothing_else() -> Result<()> {
    setting::run("full-disk", async |namespace| {
        let nats = Nats::start_on_disk(&namespace, 4 << 20).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let app = born(&namespace, "orders").await?;
        nats.fill_disk()?;
        update(&app).await?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        back(&app).await?;
        ends_as_without(&app).await?;
        eventually(STEP, "it shows", async || {
            ensure!(managers.sum("restapi_bus_failures_total").await? >= 1.0);
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_as_it_should_be_is_left_as_it_is_and_told_of() -> Result<()> {
    setting::run("misconfigured", async |namespace| {
        let nats = Nats::start(&namespace).await?;
        let wrong = Config {
            name: STREAM.to_owned(),
            subjects: SUBJECTS.map(str::to_owned).to_vec(),
            retention: RetentionPolicy::WorkQueue,
            duplicate_window: Duration::from_secs(10),
            ..Config::default()
        };
        nats.admin().await?.create_stream(wrong.clone()).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let app = there_and_back(&namespace).await?;
        ends_as_without(&app).await?;
        let found = nats.stream().await?.cached_info().config.clone();
        ensure!(
            (found.retention, found.duplicate_window) == (wrong.retention, wrong.duplicate_window),
            "the stream was changed: {found:?}"
        );
        // Connected, but the stream does not fit.
        for manager in [&managers.core, &managers.bluegreen] {
            let metrics = manager.metrics().await?;
            let up = |what| metrics.sum("restapi_dependency_up", &[("dependency", what)]);
            ensure!((up("nats"), up("nats_stream")) == (1.0, 0.0));
        }
        let log = std::fs::read_to_string(namespace.logs().join("core-reconciler.log"))?;
        ensure!(
            log.contains("retention: must be limits"),
            "the log is silent"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_stream_cannot_be_made_events_wait_until_it_can() -> Result<()> {
    setting::run("no-stream", async |namespace| {
        let nats = Nats::start(&namespace).await?;
        let other = Config {
            name: "OTHER".to_owned(),
            // No subject can be in two streams.
            subjects: SUBJECTS.map(str::to_owned).to_vec(),
            ..Config::default()
        };
        nats.admin().await?.create_stream(other).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let app = there_and_back(&namespace).await?;
        ends_as_without(&app).await?;
        app.until("the application says that they wait", STEP, |restapi| {
            let waits = restapi.status.as_ref()?;
            waits.condition(conditions::EVENTS_UNDELIVERED).map(drop)
        })
        .await?;
        nats.admin().await?.delete_stream("OTHER").await?;
        eventually(STEP, "what waited is out", async || {
            ensure!(managers.sum("restapi_bus_waiting").await? < 1.0);
            Ok(())
        })
        .await?;
        ensure!(managers.sum("restapi_bus_lost_total").await? < 1.0);
        let events = nats.events().await?;
        let kinds: Vec<_> = events.iter().filter_map(Event::known_kind).collect();
        ensure!(kinds.contains(&EventKind::RolloutCompleted), "{kinds:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_repeated_reordered_and_late_events_change_nothing() -> Result<()> {
    setting::run("forged", async |namespace| {
        let nats = Nats::start(&namespace).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let app = born(&namespace, "orders").await?;
        let now = jiff::Timestamp::now();
        let late = now - jiff::SignedDuration::from_hours(1);
        let uid = app.restapi().await?.metadata.uid.unwrap_or_default();
        update(&app).await?;
        // The end before the beginning, an hour ago, of a revision that there will never be, of another application
        // of that name, and of one that is not there.
        for (kind, uid, revision, time) in [
            (EventKind::RolloutCompleted, uid.as_str(), 2, now),
            (EventKind::RolloutStarted, uid.as_str(), 2, late),
            (EventKind::RolloutRolledBack, uid.as_str(), 4711, now),
            (EventKind::ApplicationReady, "another", 1, late),
            (EventKind::ApplicationStalled, uid.as_str(), 2, now),
        ] {
            let event = made_up(&app, uid, kind, revision, time);
            publish(&nats, &event, 10).await?;
        }
        let mut nobody = made_up(&app, "x", EventKind::ApplicationReady, 1, now);
        nobody.data.application.name = "nobody".to_owned();
        publish(&nats, &nobody, 10).await?;
        heard(&managers, 60.0).await?;
        serves(&app, 2, RolloutPhase::Retaining).await?;
        back(&app).await?;
        ends_as_without(&app).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_is_put_aside_with_the_reason() -> Result<()> {
    setting::run("dead", async |namespace| {
        let nats = Nats::start(&namespace).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        // What was told before it listened first, it is not told.
        let place = durable("bluegreen-manager", Some(&namespace.name));
        eventually(STEP, "bluegreen-manager listens", async || {
            nats.stream().await?.consumer_info(&place).await?;
            Ok(())
        })
        .await?;
        let subject = format!("restapi.v1.{}.orders.application.ready", namespace.name);
        let admin = nats.admin().await?;
        let sent = admin.publish(subject.clone(), b"{nonsense".as_slice().into());
        sent.await?.await?;
        heard(&managers, 1.0).await?;
        let messages = nats.messages().await?;
        let dead = messages.iter().any(|(subject, payload)| {
            subject == "restapi.dead.v1.bluegreen-manager" && payload == b"{nonsense"
        });
        ensure!(dead, "{messages:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_gets_no_connection_and_a_manager_no_more_than_it_needs() -> Result<()> {
    setting::run("stranger", async |namespace| {
        let nats = Nats::start(&namespace).await?;
        let managers = Managers::start(&namespace, Some(&nats)).await?;
        let stranger = nats.client("stranger").await;
        ensure!(stranger.is_err(), "a stranger is let in");
        let core = async_nats::jetstream::new(nats.client("core-reconciler").await?);
        eventually(STEP, "the stream is there", async || {
            nats.stream().await.map(drop)
        })
        .await?;
        let as_bluegreen = format!("restapi.v1.{}.orders.rollout.completed", namespace.name);
        let forged = core.publish(as_bluegreen, "{}".into()).await?.await;
        ensure!(forged.is_err(), "core-reconciler tells of rollouts");
        ensure!(
            core.delete_stream(STREAM).await.is_err(),
            "it deletes the stream"
        );
        let purged = nats.stream().await?;
        ensure!(purged.cached_info().config.deny_purge, "it can be purged");
        ensure!(
            nats.events()
                .await?
                .iter()
                .all(|e| e.data.revision.is_some())
        );
        drop(managers);
        let _admin = nats.client(ADMIN).await?;
        Ok(())
    })
    .await
}
