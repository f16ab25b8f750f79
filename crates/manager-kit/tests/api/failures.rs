//! A reconcile that fails, panics or hangs: retried with growing delay, and no others suffer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use manager_kit::Requeue;
use tokio::time::{Instant, sleep};

use crate::runner::{add, finish, path, start};
use crate::support::fake_api::{FakeApi, Fault};
use crate::support::recorder::{Recorder, Wanted};
use crate::support::{Kit, deployment, eventually};

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
    eventually("it is retried until it succeeds", || {
        recorder.calls("web-3").len() == 3
    })
    .await;
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
    assert!(
        begin.elapsed() <= Duration::from_secs(31),
        "{:?}",
        begin.elapsed()
    );
    let timeouts =
        "restapi_reconcile_errors_by_category_total{controller=\"test\",category=\"timeout\"}";
    eventually("it is counted", || kit.metric(timeouts) >= 1.0).await;
    finish(&kit, running).await;
}

/// The client's own limit: without it, this object would be stuck for ever.
#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_ends_by_the_clients_limit_and_the_object_is_retried() {
    let api = FakeApi::new();
    add(&api, 1);
    api.fail(|_, path| {
        path.ends_with("/configmaps/settings")
            .then_some(Fault::Hang)
    });
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
    assert!(
        (Duration::from_secs(20)..Duration::from_secs(21)).contains(&between),
        "{between:?}"
    );
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
        let result = if ok.load(Ordering::SeqCst) {
            Ok(Requeue::AwaitChange)
        } else {
            Err(Wanted)
        };
        async { result }
    });
    let running = start(&kit, &recorder);
    sleep(Duration::from_mins(10)).await;
    let calls = recorder.calls("web-0");
    let delays: Vec<f64> = calls
        .windows(2)
        .map(|w| (w[1] - w[0]).as_secs_f64())
        .collect();
    for (i, delay) in delays.iter().enumerate() {
        let full = (0.2 * 2_f64.powi(i32::try_from(i).unwrap())).min(60.0);
        // The library's timer counts in milliseconds.
        assert!(
            (full / 2.0 - 0.01..=full + 0.01).contains(delay),
            "delay {i}: {delay} of {full}"
        );
    }
    assert!(delays.len() > 15, "it goes on: {delays:?}");
    let errors =
        "restapi_reconcile_errors_by_category_total{controller=\"test\",category=\"wanted\"}";
    assert!(kit.metric(errors) > 15.0);

    healthy.store(true, Ordering::SeqCst);
    sleep(Duration::from_mins(2)).await;
    let settled = recorder.calls("web-0").len();
    sleep(Duration::from_mins(10)).await;
    assert_eq!(
        recorder.calls("web-0").len(),
        settled,
        "after a success nothing is retried"
    );
    healthy.store(false, Ordering::SeqCst);
    api.put(&path("web-0"), deployment("web-0"));
    eventually("it fails again", || {
        recorder.calls("web-0").len() == settled + 2
    })
    .await;
    let calls = recorder.calls("web-0");
    assert!(
        calls[settled + 1] - calls[settled] < Duration::from_millis(300),
        "it starts afresh"
    );
    finish(&kit, running).await;
}
