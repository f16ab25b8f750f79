//! Spans of requests and of calls to the next hop, for a collector that takes OTLP by gRPC.
//!
//! Their ids are those of `traceparent`, so the spans of all pods that a request went through make up
//! one trace. Only those that `traceparent` says are sampled go out. Where no collector is set, there
//! is nothing of this: no queue, no thread, no connection.

mod span;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::Method;
use http::uri::Authority;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanExporter, SpanProcessor as _};

use crate::args::Args;
use crate::metrics::method_label;
use crate::peers::Call;
use crate::trace::TraceContext;
pub(crate) use span::Span;
use span_queue::{SpanCounts, SpanQueue};

/// How long the end of the process waits for what has not gone out yet: at most what came up in the last second.
const CLOSING: Duration = Duration::from_secs(1);

/// The way out for the spans of a process, if there is one. Clones share it.
#[derive(Debug, Clone)]
pub struct Spans(Option<SpanQueue>);

/// What sends spans to this address; nothing where it is empty. Connects later, and must be called inside the runtime.
pub(crate) fn exporter(endpoint: &str) -> Result<Option<OtlpExporter>, ExporterBuildError> {
    if endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = OtlpExporter::builder().with_tonic();
    exporter.with_endpoint(endpoint).build().map(Some)
}

/// Whose spans they are.
fn resource(args: &Args) -> Resource {
    let component = args.component.as_deref();
    let component = component.unwrap_or_else(|| args.role.name());
    Resource::builder()
        .with_service_name(format!("{}-{component}", args.name))
        .with_attributes([
            KeyValue::new("service.version", args.revision.clone()),
            KeyValue::new("restapi.environment", args.environment.clone()),
            KeyValue::new("k8s.pod.name", args.pod.clone()),
        ])
        .build()
}

impl Spans {
    /// None is made.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self(None)
    }

    /// They go to `exporter`, in the name of the process.
    pub(crate) fn to(
        exporter: impl SpanExporter + 'static,
        args: &Args,
        counts: SpanCounts,
    ) -> Self {
        Self(Some(SpanQueue::new(exporter, &resource(args), counts)))
    }

    /// Begins the span of a request. `route` is the pattern that it matched.
    pub(crate) fn of_request(
        &self,
        trace: &TraceContext,
        method: &Method,
        route: Option<&str>,
    ) -> Span {
        self.begin(trace, SpanKind::Server, || {
            let (name, mut attributes) = described(method, route);
            if let Some(route) = route {
                attributes.push(KeyValue::new("http.route", route.to_owned()));
            }
            // Of other routes the path would be another one for each request.
            if let Some(path) = route.filter(|route| !route.contains('{')) {
                attributes.push(KeyValue::new("url.path", path.to_owned()));
            }
            (name, attributes)
        })
    }

    /// Begins the span of a call to the next hop, with all its attempts.
    pub(crate) fn of_call(&self, trace: &TraceContext, call: &Call, to: &Authority) -> Span {
        self.begin(trace, SpanKind::Client, || {
            let template = call.template();
            let (name, mut attributes) = described(call.method(), Some(&template));
            attributes.push(KeyValue::new("url.template", template));
            attributes.push(KeyValue::new("server.address", to.host().to_owned()));
            let port = i64::from(to.port_u16().unwrap_or(80));
            attributes.push(KeyValue::new("server.port", port));
            (name, attributes)
        })
    }

    fn begin(
        &self,
        trace: &TraceContext,
        kind: SpanKind,
        describe: impl FnOnce() -> (String, Vec<KeyValue>),
    ) -> Span {
        match &self.0 {
            Some(queue) if trace.is_sampled() => {
                let (name, attributes) = describe();
                Span::begin(queue.clone(), trace, kind, name, attributes)
            }
            _ => Span::none(),
        }
    }

    /// Waits, for at most a second, until all are out; what is not by then is lost.
    pub(crate) async fn close(self) {
        let Some(queue) = self.0 else { return };
        // The library blocks, and would deadlock on a thread that the exporter's tasks need.
        let closed =
            tokio::task::spawn_blocking(move || queue.shutdown_with_timeout(CLOSING)).await;
        match closed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "not all spans were exported"),
            Err(error) => tracing::warn!(%error, "not all spans were exported"),
        }
    }
}

/// The name of a span and its first attribute, as OpenTelemetry's conventions for HTTP have them.
fn described(method: &Method, path: Option<&str>) -> (String, Vec<KeyValue>) {
    let (method, named) = match method_label(method) {
        "other" => ("_OTHER", "HTTP"),
        known => (known, known),
    };
    let name = path.map_or_else(|| named.to_owned(), |path| format!("{named} {path}"));
    (name, vec![KeyValue::new("http.request.method", method)])
}
