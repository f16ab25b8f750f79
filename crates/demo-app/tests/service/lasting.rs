//! Requests that last.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::http_client::get;
use crate::service::{Service, start, url};

#[tokio::test]
async fn a_slow_answer_comes_after_its_time_and_has_gone_the_whole_way() {
    let service = Service::plain().await;
    let begin = Instant::now();
    let answer = get(service.view.address(), "/api/slow?seconds=1").await;
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.roles(),
        ["view", "controller", "model", "repository"]
    );
}

#[tokio::test]
async fn a_stream_has_an_event_each_second_and_an_end() {
    let service = Service::plain().await;
    let begin = Instant::now();
    let answer = get(service.view.address(), "/api/stream?seconds=2").await;
    assert!(begin.elapsed() >= Duration::from_secs(2));
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert!(answer.text.contains("data: 1 of 2 from view-pod\n"));
    assert!(answer.text.contains("data: 2 of 2 from view-pod\n"));
    assert!(
        answer.text.ends_with("event: end\ndata: no more\n\n"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn both_are_finished_by_a_view_that_is_told_to_end() {
    let service = Service::plain().await;
    let controller = url(service.controller.address());
    let view = start("view", &["--controller-url", &controller]).await;
    let address = view.address();
    let ask = |path: &'static str| tokio::spawn(async move { get(address, path).await });
    let (slow, stream) = (ask("/api/slow?seconds=1"), ask("/api/stream?seconds=1"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    view.drain();
    view.ended().await;
    assert_eq!(slow.await.unwrap().roles().len(), 4);
    assert!(stream.await.unwrap().text.contains("event: end"));
}

#[tokio::test]
async fn a_time_that_is_too_long_is_refused_with_the_fix() {
    let service = Service::plain().await;
    for path in ["/api/slow?seconds=0", "/api/stream?seconds=601"] {
        let answer = get(service.view.address(), path).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.json()["error"]["details"][0]["fix"], "1 to 600");
    }
    let answer = get(service.view.address(), "/api/slow").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
