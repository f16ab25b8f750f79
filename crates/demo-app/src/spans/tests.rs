//! What one process exports of the requests that it gets.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::Response;
use clap::Parser as _;
use http::{Method, Request, StatusCode};
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tower::ServiceExt as _;

use crate::app::App;
use crate::args::Args;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// An exporter that keeps what it is given. Clones share it.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<(Vec<SpanData>, Option<Resource>)>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().0.extend(batch);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.lock().unwrap().1 = Some(resource.clone());
    }
}

/// A model whose repository is not there, and what it exports.
struct Model {
    app: Arc<App>,
    kept: Kept,
}

impl Model {
    fn start(more: &[&str]) -> Self {
        let common = [
            "demo-app", "--role", "model", "--pod", "pod-1", "--name", "shop",
        ];
        let args = Args::try_parse_from(common.iter().chain(more)).unwrap();
        let kept = Kept::default();
        let app = App::exporting(args, Some(kept.clone())).unwrap();
        Self {
            app: Arc::new(app),
            kept,
        }
    }

    async fn ask(&self, method: Method, path: &str, flags: Option<&str>) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(flags) = flags {
            request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"));
        }
        let request = request.body(Body::empty()).unwrap();
        self.app.router().oneshot(request).await.unwrap()
    }

    /// What has been exported, at the end of the process.
    async fn exported(self) -> Vec<SpanData> {
        self.app.spans.clone().close().await;
        self.kept.0.lock().unwrap().0.clone()
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == key)?;
    Some(found.value.to_string())
}

fn one<const N: usize>(spans: Vec<SpanData>) -> [SpanData; N] {
    spans.try_into().unwrap()
}

#[tokio::test]
async fn a_request_and_its_call_have_the_ids_that_are_passed_on() {
    let model = Model::start(&["--repository-url", "http://127.0.0.1:1"]);
    let answer = model.ask(Method::GET, "/chain", Some("01")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let told = answer
        .headers()
        .get("traceparent")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let [call, request] = one(model.exported().await);

    let context = &request.span_context;
    assert_eq!(told, format!("00-{TRACE}-{}-01", context.span_id()));
    assert_eq!(request.parent_span_id.to_string(), CALLER);
    assert!(request.parent_span_is_remote);
    assert_eq!(request.span_kind, SpanKind::Server);
    assert_eq!(request.name, "GET /chain");
    assert_eq!(attribute(&request, "http.request.method").unwrap(), "GET");
    assert_eq!(attribute(&request, "http.route").unwrap(), "/chain");
    assert_eq!(attribute(&request, "url.path").unwrap(), "/chain");
    assert_eq!(
        attribute(&request, "http.response.status_code").unwrap(),
        "503"
    );
    assert_eq!(request.status, Status::error(""));

    assert_eq!(call.span_context.trace_id().to_string(), TRACE);
    assert_eq!(call.parent_span_id, context.span_id());
    assert!(!call.parent_span_is_remote);
    assert_eq!(call.span_kind, SpanKind::Client);
    assert_eq!(call.name, "GET /chain");
    assert_eq!(attribute(&call, "server.address").unwrap(), "127.0.0.1");
    assert_eq!(attribute(&call, "error.type").unwrap(), "peer_unavailable");
    assert_eq!(attribute(&call, "http.request.resend_count").unwrap(), "3");
    assert!(
        matches!(call.status, Status::Error { .. }),
        "{:?}",
        call.status
    );
    assert!(request.start_time <= call.start_time && call.end_time <= request.end_time);
}

#[tokio::test]
async fn an_error_is_one_of_who_answers_only_from_500_on() {
    let model = Model::start(&["--repository-url", "http://127.0.0.1:1"]);
    model.ask(Method::GET, "/orders/no-id", None).await;
    model.ask(Method::GET, "/wp-admin/login.php", None).await;
    let brew = Method::from_bytes(b"BREW").unwrap();
    model.ask(brew, "/orders", None).await;
    let [wrong, unknown, odd] = one(model.exported().await);
    for span in [&wrong, &unknown, &odd] {
        assert_eq!(span.status, Status::Unset, "{}", span.name);
        assert_eq!(span.parent_span_id, SpanId::INVALID, "{}", span.name);
        assert_eq!(attribute(span, "error.type"), None, "{}", span.name);
    }
    assert_eq!(wrong.name, "GET /orders/{id}");
    assert_eq!(attribute(&wrong, "url.path"), None, "it is not bounded");
    assert_eq!(unknown.name, "GET");
    assert_eq!(attribute(&unknown, "http.route"), None);
    assert_eq!(
        attribute(&unknown, "http.response.status_code").unwrap(),
        "404"
    );
    assert_eq!(odd.name, "HTTP /orders");
    assert_eq!(attribute(&odd, "http.request.method").unwrap(), "_OTHER");
}

#[tokio::test]
async fn probes_and_scrapes_have_no_spans() {
    let model = Model::start(&["--allow-faults"]);
    for path in ["/health", "/ready", "/metrics", "/faults"] {
        model.ask(Method::GET, path, Some("01")).await;
    }
    assert_eq!(model.exported().await, []);
}

#[tokio::test]
async fn what_is_not_sampled_is_not_exported() {
    let model = Model::start(&["--repository-url", "http://127.0.0.1:1"]);
    let answer = model.ask(Method::GET, "/chain", Some("00")).await;
    let told = answer.headers().get("traceparent").unwrap();
    assert!(told.to_str().unwrap().ends_with("-00"), "{told:?}");
    assert_eq!(model.exported().await, []);
}

#[tokio::test]
async fn the_share_is_of_traces_that_begin_here() {
    let model = Model::start(&["--traces-share", "0"]);
    let answer = model.ask(Method::GET, "/chain", None).await;
    let told = answer.headers().get("traceparent").unwrap();
    assert!(told.to_str().unwrap().ends_with("-00"), "{told:?}");
    model.ask(Method::GET, "/chain", Some("01")).await;
    let [only] = one(model.exported().await);
    assert_eq!(only.span_context.trace_id().to_string(), TRACE);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_has_ended_as_well() {
    let model = Model::start(&["--allow-faults"]);
    let app = Arc::clone(&model.app);
    app.faults.as_ref().unwrap().set(crate::faults::FaultSpec {
        delay_ms: 1000,
        ..crate::faults::FaultSpec::default()
    });
    let asked = model.ask(Method::GET, "/chain", None);
    let limit = std::time::Duration::from_millis(100);
    tokio::time::timeout(limit, asked).await.unwrap_err();
    let [given_up] = one(model.exported().await);
    assert_eq!(attribute(&given_up, "error.type").unwrap(), "cancelled");
    assert_eq!(attribute(&given_up, "http.response.status_code"), None);
}

#[tokio::test]
async fn the_resource_says_whose_spans_they_are() {
    let more = [
        "--component",
        "pricing",
        "--revision",
        "abc",
        "--environment",
        "green",
    ];
    let model = Model::start(&more);
    let kept = model.kept.clone();
    model.exported().await;
    let resource = kept.0.lock().unwrap().1.clone().unwrap();
    for (key, value) in [
        ("service.name", "shop-pricing"),
        ("service.version", "abc"),
        ("restapi.environment", "green"),
        ("k8s.pod.name", "pod-1"),
    ] {
        let found = resource.get(&key.into()).map(|value| value.to_string());
        assert_eq!(found.as_deref(), Some(value), "{key}");
    }
}
