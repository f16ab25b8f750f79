//! A collector of spans, as small as one can be: OTLP by gRPC.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tonic::{Request, Response, Status, async_trait};
use tower::ServiceExt as _;

/// How long spans may take to arrive.
const LIMIT: Duration = Duration::from_secs(20);

/// A span, and the service that it is of.
pub(crate) type Told = (String, Span);

/// What has arrived.
#[derive(Clone, Default)]
struct Kept {
    spans: Arc<Mutex<Vec<Told>>>,
    is_refusing: bool,
}

#[async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.is_refusing {
            return Err(Status::permission_denied("not from you"));
        }
        for of_one in request.into_inner().resource_spans {
            let resource = of_one.resource.unwrap();
            let service = text(&resource.attributes, "service.name");
            let spans = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let told = spans.map(|span| (service.clone(), span));
            self.spans.lock().unwrap().extend(told);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// An attribute that is a text; empty when absent.
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()) {
        Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) => text.clone(),
        _ => String::new(),
    }
}

/// A collector that listens.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    kept: Kept,
}

impl Collector {
    /// One that takes everything.
    pub(crate) async fn start() -> Self {
        Self::serving(Kept::default()).await
    }

    /// One that takes nothing, and says so.
    pub(crate) async fn refusing() -> Self {
        Self::serving(Kept {
            is_refusing: true,
            ..Kept::default()
        })
        .await
    }

    async fn serving(kept: Kept) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/{method}";
        let router = Router::new().route_service(path, TraceServiceServer::new(kept.clone()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let router = router.clone();
                let service = service_fn(move |request| router.clone().oneshot(request));
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, kept }
    }

    /// What has arrived until now.
    pub(crate) fn spans(&self) -> Vec<Told> {
        self.kept.spans.lock().unwrap().clone()
    }

    /// The same, once it is as many as this.
    pub(crate) async fn wait(&self, number: usize) -> Vec<Told> {
        let all = async {
            while self.spans().len() < number {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let arrived = timeout(LIMIT, all).await;
        arrived.unwrap_or_else(|_| panic!("only {:?}", self.spans()));
        self.spans()
    }
}
