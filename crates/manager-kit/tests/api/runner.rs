//! The loop: what triggers, what bounds, what must not spread.

use std::sync::Arc;
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

use crate::support::fake_api::FakeApi;
use crate::support::recorder::Recorder;
use crate::support::{Kit, deployment, eventually};

pub(crate) fn path(name: &str) -> String {
    format!("/apis/apps/v1/namespaces/shop/deployments/{name}")
}

pub(crate) fn add(api: &FakeApi, count: usize) {
    for i in 0..count {
        api.put(&path(&format!("web-{i}")), deployment(&format!("web-{i}")));
    }
}

pub(crate) type Running = JoinHandle<Result<(), KitError>>;

pub(crate) fn start(kit: &Kit, recorder: &Arc<Recorder>) -> Running {
    start_with(kit, recorder, futures::stream::pending())
}

pub(crate) fn start_with(
    kit: &Kit,
    recorder: &Arc<Recorder>,
    triggers: impl Stream<Item = ObjectRef<Deployment>> + Send + 'static,
) -> Running {
    let main = main_stream::<Deployment>(
        &kit.ctx,
        kit.ctx.api(),
        Config::default(),
        "deployments.apps",
    );
    let (ctx, recorder) = (kit.ctx.clone(), recorder.clone());
    tokio::spawn(async move { runner::run(&ctx, "test", main, triggers, recorder).await })
}

pub(crate) async fn finish(kit: &Kit, running: Running) {
    kit.stop.request();
    let finished = tokio::time::timeout(Duration::from_secs(40), running).await;
    finished.unwrap().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_deletion_of_an_owned_object_triggers_its_owner() {
    let api = FakeApi::new();
    let child = "/api/v1/namespaces/shop/configmaps/web-settings";
    add(&api, 1);
    api.put(
        child,
        json!({"metadata": {"name": "web-settings", "namespace": "shop", "ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-0", "uid": "1"}]}}),
    );
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
    assert_eq!(
        recorder.calls("web-0").len(),
        1,
        "nothing happened, nothing is done"
    );
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
async fn who_waits_longest_is_next_however_often_others_are_due() {
    let api = FakeApi::new();
    add(&api, 200);
    let kit = Kit::leaseless(&api, &["--concurrency=2"]);
    let recorder = Recorder::doing(|_, _| async {
        sleep(Duration::from_millis(10)).await;
        Ok(Requeue::After(Duration::ZERO))
    });
    let running = start(&kit, &recorder);
    eventually("each is reconciled", || recorder.objects() == 200).await;
    for number in 0..200 {
        let calls = recorder.calls(&format!("web-{number}")).len();
        assert!(calls <= 2, "web-{number} had {calls} turns already");
    }
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
        sleep(Duration::from_secs(if object.name_any() == "web-0" {
            10
        } else {
            0
        }))
        .await;
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
async fn triggers_that_end_are_an_error_and_not_silence() {
    let api = FakeApi::new();
    let kit = Kit::leaseless(&api, &[]);
    let running = start_with(&kit, &Recorder::idle(), futures::stream::empty());
    let error = running.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            KitError::StreamEnded {
                stream: "triggers",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_loop_is_watched() {
    let api = FakeApi::new();
    let kit = Kit::leaseless(&api, &[]);
    let running = start(&kit, &Recorder::idle());
    sleep(Duration::from_mins(10)).await;
    let report = kit.ctx.readiness.alive();
    assert!(
        report.good && report.text.contains("controller/test"),
        "{}",
        report.text
    );
    finish(&kit, running).await;
    assert!(kit.ctx.readiness.alive().text.lines().count() == 1);

    let main = main_stream::<Deployment>(
        &kit.ctx,
        kit.ctx.api(),
        Config::default(),
        "deployments.apps",
    );
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
