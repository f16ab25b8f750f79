//! Two instances never hold a shard at the same time, and a dead one is replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::Method;
use kube::Client;
use manager_kit::lease::{LeaseConfig, LeaseTask};
use manager_kit::shutdown::ShutdownTrigger;
use manager_kit::{Metrics, Readiness, ShardId, Shards, Shutdown};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::fake_api::{FakeApi, Fault};
use crate::support::{INFO, eventually};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/system/leases/test-manager-shard-0";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/system/leases";

/// One instance of a manager, as far as leases go.
struct Instance {
    shards: Shards,
    shard: ShardId,
    readiness: Readiness,
    stop: ShutdownTrigger,
    task: JoinHandle<()>,
}

impl Instance {
    fn start(api: &Arc<FakeApi>, identity: &str) -> Self {
        Self::with_client(api.client(), identity)
    }

    fn with_client(client: Client, identity: &str) -> Self {
        let metrics = Metrics::new(INFO);
        let shards = Shards::new(std::num::NonZeroU32::MIN, metrics);
        let shard = shards.of("any");
        let config = LeaseConfig {
            manager: INFO.name.to_owned(),
            namespace: "system".to_owned(),
            identity: identity.to_owned(),
            duration: Duration::from_secs(15),
        };
        let readiness = Readiness::default();
        let task = LeaseTask::new(client, config, shard, shards.clone(), readiness.clone());
        let (stop, stopped) = Shutdown::channel();
        Self {
            shards,
            shard,
            readiness,
            stop,
            task: tokio::spawn(task.run(stopped)),
        }
    }

    fn holds(&self) -> bool {
        self.shards
            .held(self.shard)
            .is_some_and(|held| held.fence().is_ok())
    }

    /// As `kill -9`: nothing is released.
    fn kill(&self) {
        self.task.abort();
    }
}

fn holder(api: &FakeApi) -> String {
    let lease = api.get(LEASE).unwrap();
    lease["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_first_instance_gets_the_lease_and_keeps_it() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let b = Instance::start(&api, "b");
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(a.holds() && !b.holds());
    }
    let lease = api.get(LEASE).unwrap();
    assert_eq!(lease["spec"]["holderIdentity"], "a");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 15);
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
    assert!(b.readiness.alive().good && a.readiness.alive().good);
    let renewals = api.requests(&Method::PUT, LEASE);
    assert!(
        (290..=620).contains(&renewals),
        "{renewals} renewals in ten minutes"
    );
}

#[tokio::test(start_paused = true)]
async fn of_many_candidates_at_once_one_wins() {
    let api = FakeApi::new();
    let names = ["a", "b", "c", "d", "e"];
    let all: Vec<Instance> = names
        .iter()
        .map(|name| Instance::start(&api, name))
        .collect();
    eventually("somebody holds", || all.iter().any(Instance::holds)).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(all.iter().filter(|instance| instance.holds()).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_release_another_takes_over_at_once() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let b = Instance::start(&api, "b");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let held = a.shards.held(a.shard).unwrap();
    let start = Instant::now();
    a.stop.request();
    a.task.await.unwrap();
    assert!(
        held.fence().is_err(),
        "what is released is not written to any more"
    );
    assert_eq!(holder(&api), "");
    eventually("b holds", || b.holds()).await;
    assert!(
        start.elapsed() <= Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_another_takes_over_when_the_lease_has_expired_and_not_before() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let b = Instance::start(&api, "b");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let held = a.shards.held(a.shard).unwrap();
    a.kill();
    let start = Instant::now();
    while !b.holds() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(held.fence().is_err(), "the crashed one's hold ended before");
    let took = start.elapsed();
    let allowed = Duration::from_secs(13)..=Duration::from_secs(18);
    assert!(allowed.contains(&took), "{took:?}");
    assert_eq!(b.shards.held(b.shard).unwrap().epoch(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_pod_started_again_does_not_wait_for_itself() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    a.kill();
    let again = Instance::start(&api, "a");
    let start = Instant::now();
    eventually("a holds again", || again.holds()).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(
        again.shards.held(again.shard).unwrap().epoch(),
        2,
        "a new epoch"
    );
}

#[rstest::rstest]
#[case::no_answer(Fault::Hang)]
#[case::refused(Fault::Status(503, None))]
#[tokio::test(start_paused = true)]
async fn renewals_that_fail_end_the_hold_before_another_can_have_it(#[case] fault: Fault) {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let held = a.shards.held(a.shard).unwrap();
    api.fail(move |_, _| Some(fault));
    let start = Instant::now();
    held.lost().await;
    let took = start.elapsed();
    // Two thirds of the duration after the last renewal, which was at most a period before.
    assert!(
        (Duration::from_secs(8)..=Duration::from_secs(10)).contains(&took),
        "{took:?}"
    );
    assert!(held.fence().is_err() && !a.holds());
    assert!(
        a.readiness.alive().good,
        "the task is well; the API server is not"
    );

    api.heal();
    eventually("a holds again", || a.holds()).await;
    assert!(held.fence().is_err(), "an old hold does not come back");
}

#[tokio::test(start_paused = true)]
async fn a_partitioned_holder_and_its_successor_never_hold_at_the_same_time() {
    let (api, cut) = (FakeApi::new(), Arc::new(AtomicBool::new(false)));
    let a = Instance::with_client(api.client_behind(cut.clone()), "a");
    eventually("a holds", || a.holds()).await;
    let b = Instance::start(&api, "b");
    tokio::time::sleep(Duration::from_secs(5)).await;
    cut.store(true, Ordering::SeqCst);
    let (mut nobody, mut both) = (0, 0);
    for _ in 0..400 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        nobody += u32::from(!a.holds() && !b.holds());
        both += u32::from(a.holds() && b.holds());
    }
    assert!(b.holds() && !a.holds());
    assert_eq!(both, 0);
    assert!(
        nobody >= 40,
        "time for what is on its way: {nobody} tenths of a second"
    );
    cut.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(b.holds() && !a.holds(), "the first one waits now");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_is_lost_does_not_end_the_hold() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let held = a.shards.held(a.shard).unwrap();
    let lost = Arc::new(AtomicUsize::new(0));
    let count = lost.clone();
    api.fail(move |method, _| {
        let first = method == Method::PUT && count.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Fault::LoseAnswer)
    });
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(lost.load(Ordering::SeqCst) > 5, "renewals went on");
    assert_eq!(held.fence(), Ok(()), "the same hold, without interruption");
}

/// What was cut off when the term ended is started again only by a new hold, so the old one must not
/// come back to life.
#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_comes_after_the_term_makes_a_new_hold() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let held = a.shards.held(a.shard).unwrap();
    let renewals = api.requests(&Method::PUT, LEASE);
    eventually("a renewal", || api.requests(&Method::PUT, LEASE) > renewals).await;
    api.fail(|_, _| Some(Fault::Status(503, None)));
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(held.is_held());
    api.fail(|method, _| {
        (method == Method::PUT).then_some(Fault::Late(Duration::from_millis(2900)))
    });
    held.lost().await;
    assert!(!a.holds(), "the answer is on its way");
    eventually("a holds again", || a.holds()).await;
    assert!(held.fence().is_err());
    assert_eq!(a.shards.held(a.shard).unwrap().epoch(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_else_took_ends_the_hold_at_the_next_renewal() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let held = a.shards.held(a.shard).unwrap();
    let mut lease = api.get(LEASE).unwrap();
    lease["spec"]["holderIdentity"] = json!("b");
    api.put(LEASE, lease);
    let start = Instant::now();
    held.lost().await;
    assert!(
        start.elapsed() <= Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(holder(&api), "b", "it is not taken back");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_made_again() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    api.delete(LEASE);
    let start = Instant::now();
    eventually("it is back", || api.get(LEASE).is_some()).await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    eventually("a holds", || a.holds()).await;
    assert_eq!(api.requests(&Method::POST, LEASES), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_request_releases_all_the_same() {
    let api = FakeApi::new();
    let a = Instance::start(&api, "a");
    eventually("a holds", || a.holds()).await;
    let puts = Arc::new(AtomicUsize::new(0));
    let count = puts.clone();
    api.fail(move |method, _| {
        let first = method == Method::PUT && count.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Fault::LoseAnswer)
    });
    eventually("a renewal is on its way", || {
        puts.load(Ordering::SeqCst) == 1
    })
    .await;
    a.stop.request();
    a.task.await.unwrap();
    assert_eq!(holder(&api), "");
}
