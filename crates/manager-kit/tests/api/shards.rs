//! Reconciles only while the lease is held, and none after the shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use manager_kit::Requeue;
use tokio::time::{Instant, sleep};

use crate::runner::{add, finish, start};
use crate::support::fake_api::{FakeApi, Fault};
use crate::support::recorder::Recorder;
use crate::support::{Kit, eventually};

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
    assert!(
        !wrote_late.load(Ordering::SeqCst),
        "nothing ran on after the loss"
    );
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
    assert!(
        begin.elapsed() <= Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
}
