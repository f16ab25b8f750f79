//! Logs and traces.
//!
//! Every span has a trace id, with or without export, so that the lines of one reconcile can be
//! found by it. Spans are exported by OTLP over gRPC only when `OTEL_EXPORTER_OTLP_ENDPOINT` is set;
//! else nothing connects anywhere. `OTEL_TRACES_SAMPLER_ARG` is the share of traces that are
//! exported, 0 to 1 (default 1); what belongs to a trace that another process sampled follows it.
//! Rollouts have traces of their own ([`spans`]); every reconcile is a trace with a link to them.

mod json;
pub mod spans;

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt, TracerProvider as _};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use restapi_types::TraceParent;
use restapi_types::trace::{SpanId, TraceId};
use span_queue::SpanQueue;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use self::json::JsonLines;
use self::spans::Spans;
use crate::args::{KitArgs, LogFormat};
use crate::error::KitError;
use crate::metrics::Metrics;
use crate::shell::ManagerInfo;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The running logs and traces of the process.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    spans: Spans,
}

impl Telemetry {
    /// Sets up logs and traces for the whole process, once. Must be called inside the runtime.
    ///
    /// # Errors
    /// [`KitError::Telemetry`] when a setting cannot be used, or when it was called before.
    pub fn install(info: ManagerInfo, args: &KitArgs, metrics: &Metrics) -> Result<Self, KitError> {
        let directives = args.log_directives();
        let filter = EnvFilter::try_new(&directives).map_err(|error| {
            KitError::Telemetry(format!("--log '{directives}' is not valid: {error}"))
        })?;
        let ratio = ratio(std::env::var(RATIO).ok().as_deref())?;
        let sampler = Sampler::TraceIdRatioBased(ratio);
        let resource = resource(info);
        let queue = queue(&resource, metrics)?;
        let spans = match &queue {
            Some(queue) => Spans::to(queue.clone(), sampler.clone(), info.name),
            None => Spans::nowhere(),
        };
        let provider = tracer_provider(resource, sampler, queue);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match args.log_format {
            LogFormat::Json => Box::new(JsonLines::new(std::io::stdout)),
            LogFormat::Text => {
                let ansi = std::io::stdout().is_terminal();
                Box::new(tracing_subscriber::fmt::layer().with_ansi(ansi))
            }
        };
        let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer(info.name));
        tracing_subscriber::registry()
            .with(lines)
            .with(traces)
            .with(filter)
            .try_init()
            .map_err(|error| KitError::Telemetry(error.to_string()))?;
        log_panics();
        Ok(Self { provider, spans })
    }

    /// Exports spans of what has ended.
    #[must_use]
    pub fn spans(&self) -> Spans {
        self.spans.clone()
    }

    /// Exports what is left, for at most `limit`; what is not out by then is lost and said so.
    pub async fn shutdown(self, limit: Duration) {
        // The library blocks, and would deadlock on a thread that the exporter's tasks need.
        let flush = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(limit));
        match tokio::time::timeout(limit, flush).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "not all spans were exported"),
            Ok(Err(error)) => tracing::warn!(%error, "not all spans were exported"),
            Err(_) => tracing::warn!(?limit, "not all spans were exported in time"),
        }
    }
}

fn resource(info: ManagerInfo) -> Resource {
    Resource::builder()
        .with_service_name(info.name)
        .with_attribute(KeyValue::new("service.version", info.version))
        .build()
}

/// The way out for spans, where one is set.
fn queue(resource: &Resource, metrics: &Metrics) -> Result<Option<SpanQueue>, KitError> {
    if !std::env::var(ENDPOINT).is_ok_and(|endpoint| !endpoint.is_empty()) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_tonic().build();
    let exporter = exporter
        .map_err(|error| KitError::Telemetry(format!("{ENDPOINT} cannot be used: {error}")))?;
    Ok(Some(SpanQueue::new(
        exporter,
        resource,
        metrics.spans().clone(),
    )))
}

fn tracer_provider(
    resource: Resource,
    sampler: Sampler,
    queue: Option<SpanQueue>,
) -> SdkTracerProvider {
    let builder = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(sampler)));
    match queue {
        Some(queue) => builder.with_span_processor(queue).build(),
        None => builder.build(),
    }
}

fn ratio(setting: Option<&str>) -> Result<f64, KitError> {
    let Some(text) = setting.filter(|text| !text.is_empty()) else {
        return Ok(1.0);
    };
    let ratio = text
        .parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio
        .ok_or_else(|| KitError::Telemetry(format!("{RATIO} '{text}' is not a number from 0 to 1")))
}

/// Panics become log lines as well; without this they would be text among the JSON.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string);
        let panic = info.payload_as_str().unwrap_or("no message");
        let backtrace = std::backtrace::Backtrace::capture();
        let backtrace = match backtrace.status() {
            std::backtrace::BacktraceStatus::Captured => Some(backtrace.to_string()),
            _ => None,
        };
        tracing::error!(panic, location, backtrace, "panicked");
    }));
}

/// The id of the trace that a span belongs to, as 32 hexadecimal digits; `None` when it has none.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

/// The span as others refer to it; nothing when it belongs to no trace.
#[must_use]
pub fn context(span: &Span) -> Option<TraceParent> {
    let context = span.context();
    let context = context.span().span_context().clone();
    Some(TraceParent {
        trace: TraceId::parse(&context.trace_id().to_string())?,
        span: SpanId::parse(&context.span_id().to_string())?,
        is_sampled: context.is_sampled(),
    })
}

/// Says that the current span belongs to another trace as well, such as a rollout's.
pub fn link(to: &TraceParent) {
    Span::current().add_link(spans::context(to.trace, to.span, to.is_sampled, true));
}

/// An error with its causes, since the outer ones often say only that something failed. Causes that
/// their effect's text already contains are left out.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampling_ratio_is_a_number_from_0_to_1() {
        assert!((ratio(None).unwrap() - 1.0).abs() < f64::EPSILON);
        assert!((ratio(Some("")).unwrap() - 1.0).abs() < f64::EPSILON);
        assert!((ratio(Some("0.25")).unwrap() - 0.25).abs() < f64::EPSILON);
        for bad in ["2", "-0.1", "all", "NaN"] {
            let error = ratio(Some(bad)).unwrap_err().to_string();
            assert!(error.contains("OTEL_TRACES_SAMPLER_ARG"), "{error}");
        }
    }

    #[test]
    fn a_chain_of_errors_says_each_thing_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot apply")]
        struct Outer(#[source] Middle);
        #[derive(Debug, thiserror::Error)]
        #[error("request failed: {0}")]
        struct Middle(#[source] std::io::Error);
        let error = Outer(Middle(std::io::Error::other("refused")));
        assert_eq!(chain(&error), "cannot apply: request failed: refused");
    }
}
