//! The loop: what triggers, what bounds, what must not spread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, future};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{Config, Event};
use manager_kit::watch::{main_stream, resilient};
use manager_kit::{KitError, Requeue, runner};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::fake_api::{FakeApi, Fault};
use crate::support::recorder::{Recorder, Wanted};
use crate::support::{Kit, deployment, eventually};

fn path(name: &str) -> String {
    format!("/apis/apps/v1/namespaces/shop/deployments/{name}")
}

fn add(api: &FakeApi, count: usize) {
    for i in 0..count {
        api.put(&path(&format!("web-{i}")), deployment(&format!("web-{i}")));
    }
}

type Running = JoinHandle<Result<(), KitError>>;

fn start(kit: &Kit, recorder: &Arc<Recorder>) -> Running {
    start_with(kit, recorder, futures::stream::pending())
}

fn start_with(
    kit: &Kit,
    recorder: &Arc<Recorder>,
    triggers: impl Stream<Item = ObjectRef<Deployment>> + Send + 'static,
) -> Running {
    let main = main_stream::<Deployment>(&kit.ctx, kit.ctx.api(), Config::default(), "deployments.apps");
    let (ctx, recorder) = (kit.ctx.clone(), recorder.clone());
    tokio::spawn(async move { runner::run(&ctx, "test", main, triggers, recorder).await })
}

async fn finish(kit: &Kit, running: Running) {
    kit.stop.request();
    let finished = tokio::time::timeout(Duration::from_secs(40), running).await;
    finished.unwrap().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_deletion_of_an_owned_object_triggers_its_owner() {
    let api = FakeApi::new();
    let child = "/api/v1/namespaces/shop/configmaps/web-settings";
    add(&api, 1);
    api.put(child, json!({"metadata": {"name": "web-settings", "namespace": "shop", "ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-0", "uid": "1"}]}}));
    let kit = Kit::leaseless(&api, &[]);
    let owned = resilient::<ConfigMap>(&kit.ctx, kit.ctx.api(), Config::default());
    let triggers = owned.filter_map(|event| {
        let deleted = matches!(event, Event::Delete(_));
        future::ready(deleted.then(|| ObjectRef::<Deployment>::new("web-0").within("shop")))
    });
    let recorder = Recorder::idle();
    let running = start_with(&kit, &recorder, triggers);
    eventually("reconciled at first", || recorder.calls("web-0").len() == 1).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(recorder.calls("web-0").len(), 1, "nothing happened, nothing is done");
    api.delete(child);
    eventually("reconciled again", || recorder.calls("web-0").len() == 2).await;
    finish(&kit, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_status_triggers_although_the_generation_is_the_same() {
    let api = FakeApi::new();
    let mut object = deployment("web-0");
    object["metadata"]["generation"] = json!(1);
    api.put(&path("web-0"), object.clone());
    let kit = Kit::leaseless(&api, &[]);
    let recorder = Recorder::idle();
    let running = start(&kit, &recorder);
    eventually("reconciled at first", || recorder.calls("web-0").len() == 1).await;
    object["status"] = json!({"readyReplicas": 1});
    api.put(&path("web-0"), object);
    eventually("reconciled again", || recorder.calls("web-0").len() == 2).await;
    finish(&kit, running).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_given_number_run_at_the_same_time_and_one_object_only_once() {
    let api = FakeApi::new();
    add(&api, 50);
    let kit = Kit::leaseless(&api, &["--concurrency=4"]);
    let recorder = Recorder::doing(|_, _| async {
        sleep(Duration::from_secs(1)).await;
        Ok(Requeue::AwaitChange)
    });
    let begin = Instant::now();
    let running = start(&kit, &recorder);
    eventually("all reconciled", || recorder.objects() == 50).await;
    assert_eq!(recorder.most_at_once(), 4);
    assert!(begin.elapsed() >= Duration::from_secs(12));
    assert!(kit.metric("controller_runtime_max_concurrent_reconciles") > 3.9);
    finish(&kit, running).await;

    let kit = Kit::leaseless(&api, &["--concurrency=4"]);
    let busy = Recorder::doing(|object, _| async move {
        sleep(Duration::from_secs(if object.name_any() == "web-0" { 10 } else { 0 })).await;
        Ok(Requeue::AwaitChange)
    });
    let running = start(&kit, &busy);
    eventually("it runs", || busy.calls("web-0").len() == 1).await;
    api.put(&path("web-0"), deployment("web-0"));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(busy.calls("web-0").len(), 1, "not twice at once");
    eventually("then again", || busy.calls("web-0").len() == 2).await;
    finish(&kit, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_stops_nothing_else_and_is_retried() {
    let api = FakeApi::new();
    add(&api, 10);
    let kit = Kit::leaseless(&api, &["--concurrency=1"]);
    let panics = Arc::new(AtomicUsize::new(0));
    let count = panics.clone();
    let recorder = Recorder::doing(move |object, _| {
        let bad = object.name_any() == "web-3" && count.fetch_add(1, Ordering::SeqCst) < 2;
        async move {
            assert!(!bad, "a bug");
            Ok(Requeue::AwaitChange)
        }
    });
    let running = start(&kit, &recorder);
    eventually("the others are reconciled", || recorder.objects() == 10).await;
    eventually("it is retried until it succeeds", || recorder.calls("web-3").len() == 3).await;
    assert!((kit.metric("controller_runtime_reconcile_panics_total") - 2.0).abs() < 0.1);
    assert!((kit.metric("controller_runtime_active_workers")).abs() < 0.1);
    finish(&kit, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_hangs_is_cut_off_and_others_go_on() {
    let api = FakeApi::new();
    add(&api, 3);
    let kit = Kit::leaseless(&api, &["--concurrency=1"]);
    let recorder = Recorder::doing(|object, _| async move {
        if object.name_any() == "web-0" {
            future::pending::<()>().await;
        }
        Ok(Requeue::AwaitChange)
    });
    let begin = Instant::now();
    let running = start(&kit, &recorder);
    eventually("the others are reconciled", || recorder.objects() == 3).await;
    assert!(begin.elapsed() <= Duration::from_secs(31), "{:?}", begin.elapsed());
    let timeouts = "restapi_reconcile_errors_by_category_total{controller=\"test\",category=\"timeout\"}";
    eventually("it is counted", || kit.metric(timeouts) >= 1.0).await;
    finish(&kit, running).await;
}

/// The client's own limit: without it, this object would be stuck for ever.
#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_ends_by_the_clients_limit_and_the_object_is_retried() {
    let api = FakeApi::new();
    add(&api, 1);
    api.fail(|_, path| path.ends_with("/configmaps/settings").then_some(Fault::Hang));
    let kit = Kit::leaseless(&api, &[]);
    let client = kit.ctx.client.clone();
    let recorder = Recorder::doing(move |_, _| {
        let maps = kube::Api::<ConfigMap>::namespaced(client.clone(), "shop");
        async move {
            maps.get("settings").await.map_err(|_| Wanted)?;
            Ok(Requeue::AwaitChange)
        }
    });
    let running = start(&kit, &recorder);
    eventually("a second attempt", || recorder.calls("web-0").len() == 2).await;
    let calls = recorder.calls("web-0");
    let between = calls[1] - calls[0];
    assert!((Duration::from_secs(20)..Duration::from_secs(21)).contains(&between), "{between:?}");
    finish(&kit, running).await;
}

#[tokio::test(start_paused = true)]
async fn errors_are_retried_with_growing_delay_until_a_success() {
    let api = FakeApi::new();
    add(&api, 1);
    let kit = Kit::leaseless(&api, &[]);
    let healthy = Arc::new(AtomicBool::new(false));
    let ok = healthy.clone();
    let recorder = Recorder::doing(move |_, _| {
        let result = if ok.load(Ordering::SeqCst) { Ok(Requeue::AwaitChange) } else { Err(Wanted) };
        async { result }
    });
    let running = start(&kit, &recorder);
    sleep(Duration::from_mins(10)).await;
    let calls = recorder.calls("web-0");
    let delays: Vec<f64> = calls.windows(2).map(|w| (w[1] - w[0]).as_secs_f64()).collect();
    for (i, delay) in delays.iter().enumerate() {
        let full = (0.2 * 2_f64.powi(i32::try_from(i).unwrap())).min(60.0);
        // The library's timer counts in milliseconds.
        assert!((full / 2.0 - 0.01..=full + 0.01).contains(delay), "delay {i}: {delay} of {full}");
    }
    assert!(delays.len() > 15, "it goes on: {delays:?}");
    let errors = "restapi_reconcile_errors_by_category_total{controller=\"test\",category=\"wanted\"}";
    assert!(kit.metric(errors) > 15.0);

    healthy.store(true, Ordering::SeqCst);
    sleep(Duration::from_mins(2)).await;
    let settled = recorder.calls("web-0").len();
    sleep(Duration::from_mins(10)).await;
    assert_eq!(recorder.calls("web-0").len(), settled, "after a success nothing is retried");
    healthy.store(false, Ordering::SeqCst);
    api.put(&path("web-0"), deployment("web-0"));
    eventually("it fails again", || recorder.calls("web-0").len() == settled + 2).await;
    let calls = recorder.calls("web-0");
    assert!(calls[settled + 1] - calls[settled] < Duration::from_millis(300), "it starts afresh");
    finish(&kit, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_requeue_comes_after_its_time_and_a_change_comes_first() {
    let api = FakeApi::new();
    add(&api, 1);
    let kit = Kit::leaseless(&api, &[]);
    let recorder = Recorder::doing(|_, _| async { Ok(Requeue::After(Duration::from_secs(50))) });
    let running = start(&kit, &recorder);
    eventually("a second time", || recorder.calls("web-0").len() == 2).await;
    let calls = recorder.calls("web-0");
    assert_eq!((calls[1] - calls[0]).as_secs(), 50);
    api.put(&path("web-0"), deployment("web-0"));
    eventually("a third time", || recorder.calls("web-0").len() == 3).await;
    assert!(recorder.calls("web-0")[2] - calls[1] < Duration::from_secs(1));
    finish(&kit, running).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_reconciled_before_the_lease_is_held_and_everything_after() {
    let api = FakeApi::new();
    add(&api, 20);
    api.fail(|_, path| path.contains("/leases").then_some(Fault::Status(403, None)));
    let mut kit = Kit::new(&api, &[]);
    for (_, task) in std::mem::take(&mut kit.tasks) {
        tokio::spawn(task);
    }
    let recorder = Recorder::idle();
    let running = start(&kit, &recorder);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(recorder.objects(), 0);
    assert!(kit.ctx.readiness.ready().good, "a standby is ready");
    api.heal();
    eventually("all are reconciled", || recorder.objects() == 20).await;
    finish(&kit, running).await;
    kit.release.request();
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_cuts_off_what_runs_and_the_next_hold_starts_it_again() {
    let api = FakeApi::new();
    add(&api, 1);
    let mut kit = Kit::new(&api, &[]);
    for (_, task) in std::mem::take(&mut kit.tasks) {
        tokio::spawn(task);
    }
    let hang = Arc::new(AtomicBool::new(true));
    let wrote_late = Arc::new(AtomicBool::new(false));
    let (hanging, late) = (hang.clone(), wrote_late.clone());
    let recorder = Recorder::doing(move |_, shard| {
        let (hanging, late) = (hanging.load(Ordering::SeqCst), late.clone());
        async move {
            if hanging {
                sleep(Duration::from_secs(25)).await;
            }
            late.fetch_or(shard.fence().is_err(), Ordering::SeqCst);
            Ok(Requeue::AwaitChange)
        }
    });
    let running = start(&kit, &recorder);
    eventually("it runs", || recorder.calls("web-0").len() == 1).await;
    api.fail(|_, path| path.contains("/leases").then_some(Fault::Hang));
    let cut_off = "controller_runtime_reconcile_total{controller=\"test\",result=\"requeue\"} 1";
    eventually("it is cut off", || kit.metric(cut_off) > 0.0).await;
    hang.store(false, Ordering::SeqCst);
    api.heal();
    eventually("it runs again", || recorder.calls("web-0").len() == 2).await;
    assert!(!wrote_late.load(Ordering::SeqCst), "nothing ran on after the loss");
    finish(&kit, running).await;
    kit.release.request();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_what_runs_finish_and_starts_nothing() {
    let api = FakeApi::new();
    add(&api, 3);
    let kit = Kit::leaseless(&api, &["--concurrency=1"]);
    let finished = Arc::new(AtomicUsize::new(0));
    let count = finished.clone();
    let recorder = Recorder::doing(move |_, _| {
        let count = count.clone();
        async move {
            sleep(Duration::from_secs(3)).await;
            count.fetch_add(1, Ordering::SeqCst);
            Ok(Requeue::AwaitChange)
        }
    });
    let running = start(&kit, &recorder);
    eventually("one runs", || recorder.objects() == 1).await;
    let begin = Instant::now();
    finish(&kit, running).await;
    assert_eq!(finished.load(Ordering::SeqCst), 1);
    assert_eq!(recorder.objects(), 1, "nothing new was started");
    assert!(begin.elapsed() <= Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn triggers_that_end_are_an_error_and_not_silence() {
    let api = FakeApi::new();
    let kit = Kit::leaseless(&api, &[]);
    let running = start_with(&kit, &Recorder::idle(), futures::stream::empty());
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, KitError::StreamEnded { stream: "triggers", .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_loop_is_watched() {
    let api = FakeApi::new();
    let kit = Kit::leaseless(&api, &[]);
    let running = start(&kit, &Recorder::idle());
    sleep(Duration::from_mins(10)).await;
    let report = kit.ctx.readiness.alive();
    assert!(report.good && report.text.contains("controller/test"), "{}", report.text);
    finish(&kit, running).await;
    assert!(kit.ctx.readiness.alive().text.lines().count() == 1);

    let main = main_stream::<Deployment>(&kit.ctx, kit.ctx.api(), Config::default(), "deployments.apps");
    let kit = Kit::leaseless(&api, &[]);
    let mut stuck = Box::pin(runner::run(
        &kit.ctx,
        "stuck",
        main,
        futures::stream::pending(),
        Recorder::idle(),
    ));
    assert!((&mut stuck).now_or_never().is_none());
    // Nobody drives it any more, as in a runtime that is blocked.
    sleep(Duration::from_secs(90)).await;
    assert!(!kit.ctx.readiness.alive().good);
}
