//! Every request ends, and a refused one is not repeated for minutes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::Method;
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{WatchEvent, WatchParams};
use manager_kit::client::{Limits, limit};
use manager_kit::{ManagerInfo, Metrics};
use tokio::time::Instant;

use crate::support::fake_api::{FakeApi, Fault};
use crate::support::{deployment, deployments};

const PATH: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

fn api(fake: &std::sync::Arc<FakeApi>, limits: Limits) -> kube::Api<Deployment> {
    let metrics = Metrics::new(ManagerInfo {
        name: "test",
        version: "0",
    });
    deployments(limit(fake.client(), limits, &metrics))
}

#[rstest::rstest]
#[case::before_the_answer(Fault::Hang)]
#[case::in_the_middle_of_it(Fault::HangInBody)]
#[tokio::test(start_paused = true)]
async fn a_request_whose_answer_never_completes_ends_at_the_limit(#[case] fault: Fault) {
    let fake = FakeApi::new();
    fake.fail(move |_, _| Some(fault));
    let start = Instant::now();
    let error = api(&fake, Limits::DEFAULT).get("web").await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 20);
    let text = manager_kit::telemetry::chain(&error);
    assert!(
        text.contains("no complete answer from the API server to GET"),
        "{text}"
    );
    assert!(text.contains(PATH), "{text}");
}

/// A server that is slow with each request: more of them at once would all take too long.
#[tokio::test(start_paused = true)]
async fn requests_wait_for_their_turn_before_their_time_begins() {
    let fake = FakeApi::new();
    fake.put(PATH, deployment("web"));
    fake.fail(|_, _| Some(Fault::Late(Duration::from_secs(15))));
    let (api, start) = (api(&fake, Limits::DEFAULT), Instant::now());
    let many = (0..3 * Limits::DEFAULT.in_flight).map(|_| api.get("web"));
    let answers = futures::future::join_all(many).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(start.elapsed().as_secs(), 45);
}

#[rstest::rstest]
#[case(429)]
#[case(503)]
#[case(504)]
#[tokio::test(start_paused = true)]
async fn a_refused_request_is_repeated_for_about_three_seconds(#[case] code: u16) {
    let fake = FakeApi::new();
    fake.fail(move |_, _| Some(Fault::Status(code, None)));
    let start = Instant::now();
    let error = api(&fake, Limits::DEFAULT).get("web").await.unwrap_err();
    assert!(
        matches!(&error, kube::Error::Api(status) if status.code == code),
        "{error:?}"
    );
    assert!(
        start.elapsed() <= Duration::from_millis(3100),
        "{:?}",
        start.elapsed()
    );
    let attempts = fake.requests(&Method::GET, PATH);
    assert!((4..=8).contains(&attempts), "{attempts} attempts");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_to_be_left_alone_longer_is_not_asked_again() {
    let fake = FakeApi::new();
    fake.fail(|_, _| Some(Fault::Status(429, Some(30))));
    let start = Instant::now();
    assert!(api(&fake, Limits::DEFAULT).get("web").await.is_err());
    assert_eq!(fake.requests(&Method::GET, PATH), 1);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_at_first_succeeds_after_the_time_asked_for() {
    let fake = FakeApi::new();
    fake.put(PATH, deployment("web"));
    let asked = AtomicUsize::new(0);
    fake.fail(move |_, _| {
        (asked.fetch_add(1, Ordering::SeqCst) == 0).then_some(Fault::Status(429, Some(1)))
    });
    let start = Instant::now();
    assert!(api(&fake, Limits::DEFAULT).get("web").await.is_ok());
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "Retry-After is respected"
    );
}

#[tokio::test(start_paused = true)]
async fn requests_for_leases_are_not_repeated() {
    let fake = FakeApi::new();
    fake.fail(|_, _| Some(Fault::Status(503, None)));
    assert!(api(&fake, Limits::LEASE).get("web").await.is_err());
    assert_eq!(fake.requests(&Method::GET, PATH), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_outlives_the_limit_but_must_start_within_it() {
    let fake = FakeApi::new();
    let api = api(&fake, Limits::DEFAULT);
    let mut events = api
        .watch(&WatchParams::default(), "1")
        .await
        .unwrap()
        .boxed();
    let later = async {
        tokio::time::sleep(Duration::from_secs(200)).await;
        fake.put(PATH, deployment("web"));
    };
    let (event, ()) = tokio::join!(events.next(), later);
    assert!(matches!(event, Some(Ok(WatchEvent::Added(_)))), "{event:?}");

    fake.fail(|_, _| Some(Fault::Hang));
    let start = Instant::now();
    assert!(api.watch(&WatchParams::default(), "1").await.is_err());
    assert_eq!(start.elapsed().as_secs(), 20);
}
