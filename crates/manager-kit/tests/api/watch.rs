//! Watches that fail, kinds that are missing, objects that do not decode.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DynamicObject;
use kube::discovery::ApiResource;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{Config, Event};
use kube::{Api, ResourceExt};
use manager_kit::runner;
use manager_kit::watch::{main_stream, optional, resilient};
use serde_json::json;
use tokio::time::Instant;

use crate::support::fake_api::{FakeApi, Fault};
use crate::support::recorder::Recorder;
use crate::support::{DEPLOYMENTS, Kit, deployment, eventually};

const CONFIG_MAPS: &str = "/api/v1/configmaps";

fn path(name: &str) -> String {
    format!("/apis/apps/v1/namespaces/shop/deployments/{name}")
}

/// The joint back-off of the library's controller: with the failing watch inside the controller,
/// most of these objects would be reconciled only many seconds later.
#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_delays_nothing_else() {
    let api = FakeApi::new();
    api.fail(|_, path| {
        path.ends_with("/configmaps")
            .then_some(Fault::Status(500, None))
    });
    let kit = Kit::leaseless(&api, &[]);
    let main = main_stream::<Deployment>(
        &kit.ctx,
        kit.ctx.api(),
        Config::default(),
        "deployments.apps",
    );
    let owned = resilient::<ConfigMap>(&kit.ctx, kit.ctx.api(), Config::default());
    let triggers = owned.filter_map(|_| async { None::<ObjectRef<Deployment>> });
    let recorder = Recorder::idle();
    let (ctx, runs) = (kit.ctx.clone(), recorder.clone());
    let running =
        tokio::spawn(async move { runner::run(&ctx, "test", main, triggers, runs).await });

    let start = Instant::now();
    for i in 0..200 {
        api.put(&path(&format!("web-{i}")), deployment(&format!("web-{i}")));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eventually("200 objects reconciled", || recorder.objects() == 200).await;
    let late = start.elapsed().saturating_sub(Duration::from_secs(10));
    assert!(late < Duration::from_secs(1), "the last came {late:?} late");
    assert!(kit.metric("restapi_watch_errors_total{kind=\"ConfigMap\"}") >= 1.0);
    let report = kit.ctx.readiness.ready();
    assert!(
        report
            .text
            .contains("[-]watch/configmaps: cannot watch ConfigMap"),
        "{}",
        report.text
    );
    assert!(
        report.text.contains("[+]deployments-crd ok"),
        "{}",
        report.text
    );
    kit.stop.request();
    running.await.unwrap().unwrap();
}

/// The library's back-off begins again with every list, because an attempt starts with an event
/// that is no error: about 100 attempts in this time.
#[tokio::test(start_paused = true)]
async fn the_back_off_of_a_list_that_fails_grows() {
    let api = FakeApi::new();
    api.fail(|_, _| Some(Fault::Status(500, None)));
    let kit = Kit::leaseless(&api, &[]);
    let mut events = resilient::<ConfigMap>(&kit.ctx, kit.ctx.api(), Config::default()).boxed();
    let waiting = async {
        while let Some(event) = events.next().await {
            assert!(matches!(event, Event::Init), "{event:?}");
        }
    };
    let _ = tokio::time::timeout(Duration::from_mins(2), waiting).await;
    let attempts = api.requests(&Method::GET, CONFIG_MAPS);
    assert!(
        (5..=16).contains(&attempts),
        "{attempts} attempts in two minutes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_crd_is_named_and_found_soon_after_it_was_installed() {
    let api = FakeApi::new();
    api.fail(|_, _| Some(Fault::Status(404, None)));
    let kit = Kit::leaseless(&api, &[]);
    let main = main_stream::<Deployment>(
        &kit.ctx,
        kit.ctx.api(),
        Config::default(),
        "deployments.apps",
    );
    let recorder = Recorder::idle();
    let (ctx, runs) = (kit.ctx.clone(), recorder.clone());
    let none = futures::stream::pending();
    let running = tokio::spawn(async move { runner::run(&ctx, "test", main, none, runs).await });

    let expected =
        "[-]deployments-crd: the CRD deployments.apps is not installed: apply kustomize/crd";
    let readiness = kit.ctx.readiness.clone();
    eventually("the reason is shown", || {
        readiness.ready().text.contains(expected)
    })
    .await;
    // Long enough for any back-off to have grown to its end.
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(!readiness.ready().good);

    api.put(&path("web"), deployment("web"));
    api.heal();
    let installed = Instant::now();
    eventually("ready", || readiness.ready().good).await;
    eventually("reconciled", || recorder.objects() == 1).await;
    assert!(
        installed.elapsed() < Duration::from_secs(3),
        "{:?}",
        installed.elapsed()
    );
    kit.stop.request();
    running.await.unwrap().unwrap();
}

/// Kinds of the Gateway API, say: their absence must neither keep the process from being ready nor the
/// caches from being complete.
#[tokio::test(start_paused = true)]
async fn a_kind_that_the_cluster_lacks_is_an_empty_list_until_it_comes() {
    let api = FakeApi::new();
    api.fail(|_, _| Some(Fault::Status(404, None)));
    let kit = Kit::leaseless(&api, &[]);
    let kind = ApiResource::erase::<ConfigMap>(&());
    let all: Api<DynamicObject> = Api::all_with(kit.ctx.client.clone(), &kind);
    let (events, served) = optional(&kit.ctx, all, &kind, Config::default());
    // Every attempt begins with an `Init`, which says nothing.
    let mut events = events
        .filter(|event| std::future::ready(!matches!(event, Event::Init)))
        .boxed();
    assert!(matches!(events.next().await, Some(Event::InitDone)));
    assert!(kit.ctx.readiness.ready().good && !served.is_served());

    let more = tokio::time::timeout(Duration::from_mins(10), events.next()).await;
    assert!(more.is_err(), "told again: {more:?}");
    let asked = api.requests(&Method::GET, CONFIG_MAPS);
    assert!((10..=30).contains(&asked), "asked {asked} times");

    api.put("/api/v1/namespaces/shop/configmaps/a", deployment("a"));
    api.heal();
    let came = tokio::time::timeout(Duration::from_mins(1), events.next()).await;
    let name = |event: &Event<DynamicObject>| match event {
        Event::InitApply(object) => object.name_any(),
        other => format!("{other:?}"),
    };
    assert_eq!(came.unwrap().as_ref().map(name).as_deref(), Some("a"));
    assert!(matches!(events.next().await, Some(Event::InitDone)));
    assert!(served.is_served());
}

#[tokio::test(start_paused = true)]
async fn an_outage_after_the_first_list_leaves_the_process_ready() {
    let api = FakeApi::new();
    let kit = Kit::leaseless(&api, &[]);
    let mut events = resilient::<ConfigMap>(&kit.ctx, kit.ctx.api(), Config::default()).boxed();
    while !matches!(events.next().await, Some(Event::InitDone)) {}
    assert!(kit.ctx.readiness.ready().good);
    api.fail(|_, _| Some(Fault::Status(500, None)));
    let _ = tokio::time::timeout(Duration::from_secs(30), events.next()).await;
    assert!(kit.metric("restapi_watch_errors_total{kind=\"ConfigMap\"}") >= 1.0);
    assert!(
        kit.ctx.readiness.ready().good,
        "an outage of the API server is not our fault"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_decode_is_rejected_and_stops_nothing() {
    let api = FakeApi::new();
    let mut broken = deployment("broken");
    broken["spec"] = json!({"replicas": "many"});
    api.put(&path("broken"), broken.clone());
    api.put(&path("web"), deployment("web"));
    let kit = Kit::leaseless(&api, &[]);
    let main = main_stream::<Deployment>(
        &kit.ctx,
        kit.ctx.api(),
        Config::default(),
        "deployments.apps",
    );
    let store = main.store();
    let recorder = Recorder::idle();
    let (ctx, runs) = (kit.ctx.clone(), recorder.clone());
    let none = futures::stream::pending();
    let running = tokio::spawn(async move { runner::run(&ctx, "test", main, none, runs).await });

    eventually("the good one is reconciled", || {
        recorder.calls("web").len() == 1
    })
    .await;
    eventually("the bad one is rejected", || recorder.rejected().len() == 1).await;
    let rejected = recorder.rejected();
    assert!(
        rejected[0].starts_with("broken: ") && rejected[0].contains("many"),
        "{rejected:?}"
    );
    let reference = ObjectRef::new("broken").within("shop");
    assert!(store.get(&reference).is_none() && store.get_invalid(&reference).is_some());
    assert_eq!((store.len(), store.list().len()), (2, 1));

    // The same while watching, not only in the list.
    broken["metadata"]["name"] = json!("broken-later");
    api.put(&path("broken-later"), broken);
    api.put(&path("web-later"), deployment("web-later"));
    eventually("the watch goes on", || {
        recorder.calls("web-later").len() == 1
    })
    .await;
    assert_eq!(recorder.rejected().len(), 2);
    assert_eq!(
        api.requests(&Method::GET, DEPLOYMENTS),
        2,
        "one list and one watch"
    );
    kit.stop.request();
    running.await.unwrap().unwrap();
}

/// The library's store wakes only one of those who wait for its first list: of these and the
/// controller, all but the last would wait for ever.
#[tokio::test(start_paused = true)]
async fn everybody_who_waits_for_the_first_list_is_woken() {
    let api = FakeApi::new();
    api.put(&path("web"), deployment("web"));
    let kit = Kit::leaseless(&api, &[]);
    let main = main_stream::<Deployment>(
        &kit.ctx,
        kit.ctx.api(),
        Config::default(),
        "deployments.apps",
    );
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let store = main.store();
            tokio::spawn(async move { store.ready().await })
        })
        .collect();
    tokio::task::yield_now().await;
    let recorder = Recorder::idle();
    let (ctx, runs) = (kit.ctx.clone(), recorder.clone());
    let none = futures::stream::pending();
    let running = tokio::spawn(async move { runner::run(&ctx, "test", main, none, runs).await });
    let all = futures::future::join_all(waiting);
    let woken = tokio::time::timeout(Duration::from_mins(1), all).await;
    assert!(woken.is_ok(), "somebody still waits");
    eventually("reconciled", || recorder.objects() == 1).await;
    kit.stop.request();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn stored_objects_lack_managed_fields() {
    let api = FakeApi::new();
    let mut object = deployment("web");
    object["metadata"]["managedFields"] = json!([{"manager": "kubectl"}]);
    api.put(&path("web"), object);
    let kit = Kit::leaseless(&api, &[]);
    let main = main_stream::<Deployment>(
        &kit.ctx,
        kit.ctx.api(),
        Config::default(),
        "deployments.apps",
    );
    let store = main.store();
    let ctx = kit.ctx.clone();
    let running = tokio::spawn(async move {
        runner::run(
            &ctx,
            "test",
            main,
            futures::stream::pending(),
            Recorder::idle(),
        )
        .await
    });
    store.ready().await;
    let objects: Vec<Arc<Deployment>> = store.list();
    assert_eq!(objects.len(), 1);
    assert!(objects[0].managed_fields().is_empty());
    kit.stop.request();
    running.await.unwrap().unwrap();
}
