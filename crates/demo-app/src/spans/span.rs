//! One span, from its begin to its end.

use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, SpanId, TraceId};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::trace::TraceContext;
use span_queue::SpanQueue;

/// The shortest that a span can be: Jaeger takes one without any length for a mistake.
const SHORTEST: Duration = Duration::from_micros(1);

/// A span that has begun. It ends, and goes out, when it is dropped: a request that is given up has ended as well.
#[derive(Debug)]
pub(crate) struct Span(Option<Box<Open>>);

/// A span that will go out.
#[derive(Debug)]
struct Open {
    queue: SpanQueue,
    data: SpanData,
    began: Instant,
    resends: i64,
    has_result: bool,
}

impl Span {
    /// One that does not go out.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Begins the span that `trace` has the ids of.
    pub(super) fn begin(
        queue: SpanQueue,
        trace: &TraceContext,
        kind: SpanKind,
        name: String,
        attributes: Vec<KeyValue>,
    ) -> Self {
        Self(Some(Box::new(Open {
            queue,
            data: data(trace, kind, name, attributes),
            began: Instant::now(),
            resends: 0,
            has_result: false,
        })))
    }

    /// Notes that there was another attempt.
    pub(crate) fn resent(&mut self) {
        if let Some(open) = &mut self.0 {
            open.resends += 1;
        }
    }

    /// Notes the answer.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        if let Some(open) = &mut self.0 {
            open.answered(status);
        }
    }

    /// Notes that there is no answer, and why.
    pub(crate) fn failed(&mut self, kind: &'static str, why: String) {
        if let Some(open) = &mut self.0 {
            open.failed(kind, why);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            open.end();
        }
    }
}

impl Open {
    fn set(&mut self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        self.data.attributes.push(KeyValue::new(key, value));
    }

    /// A status of 5xx is a failure of who answers; of 4xx, one of who asked.
    fn answered(&mut self, status: StatusCode) {
        self.has_result = true;
        self.set("http.response.status_code", i64::from(status.as_u16()));
        let is_client = self.data.span_kind == SpanKind::Client;
        if status.is_server_error() || (is_client && status.is_client_error()) {
            self.set("error.type", status.as_str().to_owned());
            self.data.status = Status::error("");
        }
    }

    fn failed(&mut self, kind: &'static str, why: String) {
        self.has_result = true;
        self.set("error.type", kind);
        self.data.status = Status::error(why);
    }

    fn end(mut self: Box<Self>) {
        if !self.has_result {
            self.failed("cancelled", "given up before there was an answer".into());
        }
        if self.resends > 0 {
            self.set("http.request.resend_count", self.resends);
        }
        // By the clock that never jumps.
        self.data.end_time = self.data.start_time + self.began.elapsed().max(SHORTEST);
        self.queue.put(self.data);
    }
}

fn data(trace: &TraceContext, kind: SpanKind, name: String, attributes: Vec<KeyValue>) -> SpanData {
    let (trace_id, span_id, parent_id) = trace.ids();
    let span = |id: u64| SpanId::from_bytes(id.to_be_bytes());
    let now = SystemTime::now();
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(trace_id.to_be_bytes()),
            span(span_id),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: parent_id.map_or(SpanId::INVALID, span),
        parent_span_is_remote: parent_id.is_some() && kind == SpanKind::Server,
        span_kind: kind,
        name: name.into(),
        start_time: now,
        end_time: now,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder(env!("CARGO_PKG_NAME")).build(),
    }
}
