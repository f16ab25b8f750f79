//! Trace context and deadlines from hop to hop.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::json;

use crate::http_client::{TestClient, get, json};
use crate::network::recording;
use crate::service::{Options, Service, start, url};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
    {\"chain\":[{\"role\":\"repository\",\"environment\":\"blue\",\"version\":\"1\",\"pod\":\"recorder\"}]}";

#[tokio::test]
async fn the_trace_goes_through_and_comes_back() {
    let (repository, heads) = recording(ANSWER).await;
    let model = start("model", &["--repository-url", &url(repository)]).await;
    let controller = start("controller", &["--model-url", &url(model.address())]).await;
    let headers = [("traceparent", PARENT), ("tracestate", "vendor=1")];
    let answer = TestClient::new()
        .send(
            controller.address(),
            Method::GET,
            "/api/chain",
            &headers,
            "",
        )
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let returned = answer.header("traceparent").to_owned();
    assert!(returned.starts_with(TRACE), "{returned}");
    assert_ne!(returned, PARENT, "each hop has a span of its own");

    let head = heads.lock().unwrap()[0].clone();
    assert!(head.contains(&format!("traceparent: {TRACE}")), "{head}");
    assert!(
        !head.contains(&returned),
        "the model's span is not the controller's"
    );
    assert!(head.contains("tracestate: vendor=1"), "{head}");
    let left = head.split("x-request-deadline-ms: ").nth(1).unwrap();
    let left: u64 = left.split("\r\n").next().unwrap().parse().unwrap();
    assert!((1..5000).contains(&left), "{left} ms left at the last hop");
}

#[tokio::test]
async fn a_trace_is_started_where_there_is_none() {
    let service = Service::plain().await;
    let first = get(service.view.address(), "/api/chain")
        .await
        .header("traceparent")
        .to_owned();
    let second = get(service.view.address(), "/api/chain")
        .await
        .header("traceparent")
        .to_owned();
    assert_eq!(first.len(), PARENT.len());
    assert_ne!(first.get(..35), second.get(..35));
}

#[tokio::test]
async fn late_answers_end_at_the_callers_deadline() {
    let service = Service::start(Options {
        model: &["--allow-faults"],
        ..Options::default()
    })
    .await;
    let delay = json!({"delayMs": 10_000});
    json(service.model.address(), Method::POST, "/faults", &delay).await;
    let started = Instant::now();
    let answer = TestClient::new()
        .send(
            service.view.address(),
            Method::GET,
            "/api/chain",
            &[("x-request-deadline-ms", "300")],
            "",
        )
        .await
        .unwrap();
    assert_eq!(
        answer.status,
        StatusCode::GATEWAY_TIMEOUT,
        "{}",
        answer.text
    );
    assert_eq!(answer.json()["error"]["code"], "deadline_exceeded");
    assert_eq!(
        answer.roles(),
        ["view", "controller", "model"],
        "the late hop says so itself"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}
