//! Spans of the four roles, as a collector gets them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use demo_app::instance::Instance;
use http::{Method, StatusCode};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::collector::{Collector, Told};
use crate::http_client::{get, json};
use crate::service::{Options, Service, args, closed_address, start, url};

/// The four roles, telling `collector`.
async fn service(collector: SocketAddr) -> Service {
    let endpoint = url(collector);
    let options = Options {
        all: &["--otlp-endpoint", &endpoint],
        ..Options::default()
    };
    Service::start(options).await
}

fn id(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The only span below this one.
fn below<'a>(spans: &'a [Told], parent: &[u8]) -> &'a Told {
    let mut children = spans.iter().filter(|(_, s)| s.parent_span_id == parent);
    let child = children.next().unwrap();
    assert_eq!(children.next(), None);
    child
}

fn kind(span: &Span) -> SpanKind {
    span.kind.try_into().unwrap()
}

#[tokio::test]
async fn a_request_through_four_roles_is_one_trace() {
    let collector = Collector::start().await;
    let service = service(collector.address).await;
    let order = json!({"item": "tea", "quantity": 1, "priceCents": 1});
    let answer = json(service.view.address(), Method::POST, "/api/orders", &order).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let spans = collector.wait(7).await;

    let mut parent: &[u8] = &[];
    let mut way = Vec::new();
    for _ in 0..7 {
        let (service, span) = below(&spans, parent);
        way.push((service.as_str(), kind(span), span.name.as_str()));
        parent = &span.span_id;
    }
    assert_eq!(
        way,
        [
            ("orders-view", SpanKind::Server, "POST /api/orders"),
            ("orders-view", SpanKind::Client, "POST /api/orders"),
            ("orders-controller", SpanKind::Server, "POST /api/orders"),
            ("orders-controller", SpanKind::Client, "POST /orders"),
            ("orders-model", SpanKind::Server, "POST /orders"),
            ("orders-model", SpanKind::Client, "POST /records"),
            ("orders-repository", SpanKind::Server, "POST /records"),
        ]
    );
    let (_, root) = below(&spans, &[]);
    let (trace, span) = (id(&root.trace_id), id(&root.span_id));
    assert_eq!(
        answer.header("traceparent"),
        format!("00-{trace}-{span}-01")
    );
    assert!(spans.iter().all(|(_, s)| s.trace_id == root.trace_id));
}

#[tokio::test]
async fn what_is_left_goes_out_at_the_end() {
    let collector = Collector::start().await;
    let service = service(collector.address).await;
    let view = service.view;
    for _ in 0..20 {
        get(view.address(), "/api/chain").await;
    }
    view.drain();
    view.ended().await;
    let spans = collector.spans();
    let of_view = spans.iter().filter(|(service, _)| service == "orders-view");
    assert_eq!(of_view.count(), 40, "a server's and a client's of each");
}

#[tokio::test]
async fn a_collector_that_fails_costs_spans_and_no_answer() {
    // It accepts connections, and says nothing.
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let refusing = Collector::refusing().await;
    let collectors = [
        ("away", closed_address().await),
        ("mute", mute.local_addr().unwrap()),
        ("refusing", refusing.address),
    ];
    for (name, address) in collectors {
        let service = service(address).await;
        let view = service.view;
        let started = Instant::now();
        for _ in 0..50 {
            let answer = get(view.address(), "/api/chain").await;
            assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text);
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{name}");
        if name != "mute" {
            wait_for_loss(view.address()).await;
        }
        let ending = Instant::now();
        view.drain();
        view.ended().await;
        assert!(ending.elapsed() < Duration::from_secs(3), "{name}");
    }
}

async fn wait_for_loss(address: SocketAddr) {
    let started = Instant::now();
    loop {
        let text = get(address, "/metrics").await.text;
        assert!(text.contains("\ndemo_spans_exported_total 0\n"), "{text}");
        if !text.contains("\ndemo_spans_dropped_total 0\n") {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{text}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_one_is_refused() {
    let args = args("model", &["--otlp-endpoint", "no address"]);
    let error = Instance::start(args).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{text}");
    // None at all is one of nobody.
    start("model", &["--otlp-endpoint", ""]).await;
}
