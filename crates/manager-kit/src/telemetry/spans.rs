//! Spans of what has ended, with ids and times that somebody else decided: those of a rollout, which is longer than the
//! life of any process.
//!
//! They are told from what stands on objects. So nothing is lost when a manager ends in the middle, and a span that is
//! exported twice is the same span. Within one process each is exported once.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use opentelemetry::trace::{Link, SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, ShouldSample as _, SpanData, SpanEvents, SpanLinks,
};
use restapi_types::trace::{SpanId, TraceId, TraceParent};
use span_queue::SpanQueue;

use crate::told::Told;
use crate::tracker::Owner;

/// The shortest that a span can be.
const SHORTEST: Duration = Duration::from_micros(1);

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedSpan {
    /// Its id.
    pub id: SpanId,
    /// The span that it is a part of; none for the root.
    pub parent: Option<SpanId>,
    /// What it is, in a few words that are the same for every object.
    pub name: &'static str,
    /// When it began.
    pub start: Timestamp,
    /// When it ended. It is never shorter than a microsecond: Jaeger takes one without any length for a mistake, changes
    /// it, and then knows two that are the same for two.
    pub end: Timestamp,
    /// What there is to know about it: `k8s.*` and others of OpenTelemetry's conventions, then our own.
    pub attributes: Vec<(&'static str, Value)>,
    /// Spans of other traces that belong to it.
    pub links: Vec<TraceParent>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Spans of one trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// What has ended of it.
    pub spans: Vec<FinishedSpan>,
    /// Whether it is told whatever share of traces is sampled: what has failed is.
    pub is_needed: bool,
}

/// Exports spans of what has ended. Clones share what they have exported.
#[derive(Clone, Debug)]
pub struct Spans {
    out: Option<Out>,
    told: Told<SpanId>,
}

#[derive(Clone, Debug)]
struct Out {
    queue: SpanQueue,
    sampler: Sampler,
    scope: InstrumentationScope,
}

impl Spans {
    /// None is exported.
    #[must_use]
    pub fn nowhere() -> Self {
        Self {
            out: None,
            told: Told::default(),
        }
    }

    /// Those that `sampler` wants go to `queue`, in the name of a manager.
    pub(super) fn to(queue: SpanQueue, sampler: Sampler, manager: &'static str) -> Self {
        let scope = InstrumentationScope::builder(manager).build();
        Self {
            out: Some(Out {
                queue,
                sampler,
                scope,
            }),
            told: Told::default(),
        }
    }

    /// Whether any is exported: where none is, none has to be made.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.out.is_some()
    }

    /// Exports of an object's traces what this process has not. Never waits: what the queue has no room for is counted
    /// and lost. What is not among `traces` any more is forgotten.
    pub fn tell(&self, owner: &Owner, traces: &[Trace]) {
        let Some(out) = &self.out else { return };
        let wanted: Vec<_> = traces.iter().filter(|trace| out.wants(trace)).collect();
        let spans = wanted.iter().flat_map(|trace| &trace.spans);
        let now: HashSet<_> = spans.map(|span| span.id).collect();
        let before = self.told.replace(owner, now);
        for trace in wanted {
            let new = trace.spans.iter().filter(|span| !before.contains(&span.id));
            new.for_each(|span| out.queue.put(out.data(trace.id, span)));
        }
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, owner: &Owner) {
        self.told.forget(owner);
    }
}

impl Out {
    /// By its id, so that all managers decide alike.
    fn wants(&self, trace: &Trace) -> bool {
        let id = opentelemetry::TraceId::from_bytes(trace.id.bytes());
        let result = self
            .sampler
            .should_sample(None, id, "", &SpanKind::Internal, &[], &[]);
        trace.is_needed || result.decision == SamplingDecision::RecordAndSample
    }

    fn data(&self, trace: TraceId, span: &FinishedSpan) -> SpanData {
        let parent = span
            .parent
            .map(SpanId::bytes)
            .map(opentelemetry::SpanId::from_bytes);
        let start_time = SystemTime::from(span.start);
        let mut links = SpanLinks::default();
        links.links = span.links.iter().map(link).collect();
        SpanData {
            span_context: context(trace, span.id, true, false),
            parent_span_id: parent.unwrap_or(opentelemetry::SpanId::INVALID),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: span.name.into(),
            start_time,
            end_time: SystemTime::from(span.end).max(start_time + SHORTEST),
            attributes: span.attributes.iter().map(attribute).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: match &span.error {
                Some(why) => Status::error(why.clone()),
                None => Status::Ok,
            },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

fn attribute((key, value): &(&'static str, Value)) -> KeyValue {
    match value {
        Value::Text(text) => KeyValue::new(*key, text.clone()),
        Value::Number(number) => KeyValue::new(*key, *number),
    }
}

fn link(to: &TraceParent) -> Link {
    let context = context(to.trace, to.span, to.is_sampled, true);
    Link::with_context(context)
}

/// A span's context as the library has it.
pub(super) fn context(
    trace: TraceId,
    span: SpanId,
    is_sampled: bool,
    is_remote: bool,
) -> SpanContext {
    let flags = if is_sampled {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    SpanContext::new(
        opentelemetry::TraceId::from_bytes(trace.bytes()),
        opentelemetry::SpanId::from_bytes(span.bytes()),
        flags,
        is_remote,
        TraceState::default(),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SpanExporter, SpanProcessor as _};
    use restapi_types::trace::Rollout;
    use span_queue::SpanCounts;

    use super::*;

    const ROLLOUT: Rollout<'_> = Rollout {
        uid: "u",
        revision: "r",
        attempt: 1,
        retried: None,
    };

    fn owner() -> Owner {
        ("shop".to_owned(), "orders".to_owned())
    }

    fn trace(steps: &[&'static str]) -> Trace {
        let spans = steps.iter().map(|step| FinishedSpan {
            id: ROLLOUT.span(step),
            parent: Some(ROLLOUT.root()),
            name: step,
            start: Timestamp::from_second(10).unwrap(),
            end: Timestamp::from_second(9).unwrap(),
            attributes: vec![
                ("restapi.revision", 7.into()),
                ("restapi.name", "orders".into()),
            ],
            links: vec![ROLLOUT.context()],
            error: None,
        });
        Trace {
            id: ROLLOUT.trace(),
            spans: spans.collect(),
            is_needed: false,
        }
    }

    fn names(exported: &[SpanData]) -> Vec<&str> {
        exported.iter().map(|span| span.name.as_ref()).collect()
    }

    /// An exporter that keeps what it is given. Clones share it.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    /// A queue, and where its spans go.
    fn exporting() -> (SpanQueue, Kept) {
        let kept = Kept::default();
        let resource = Resource::builder().build();
        let queue = SpanQueue::new(kept.clone(), &resource, SpanCounts::default());
        (queue, kept)
    }

    fn exported(queue: &SpanQueue, kept: &Kept) -> Vec<SpanData> {
        queue.force_flush().unwrap();
        kept.0.lock().unwrap().clone()
    }

    #[test]
    fn each_span_goes_out_once_with_the_ids_and_times_that_it_was_given() {
        let (queue, kept) = exporting();
        let spans = Spans::to(queue.clone(), Sampler::AlwaysOn, "test");
        spans.tell(&owner(), &[trace(&["start"])]);
        spans.tell(&owner(), &[trace(&["start", "switch"])]);
        let exported = exported(&queue, &kept);
        assert_eq!(names(&exported), ["start", "switch"]);
        let first = exported.first().unwrap();
        assert_eq!(
            first.span_context.trace_id().to_bytes(),
            ROLLOUT.trace().bytes()
        );
        assert_eq!(
            first.span_context.span_id().to_bytes(),
            ROLLOUT.span("start").bytes()
        );
        assert_eq!(first.parent_span_id.to_bytes(), ROLLOUT.root().bytes());
        let length = first.end_time.duration_since(first.start_time);
        assert_eq!(length.unwrap(), SHORTEST, "it never ends before it began");
        assert_eq!(first.links.len(), 1);
        assert_eq!(first.attributes.len(), 2);
    }

    #[test]
    fn what_was_forgotten_goes_out_again_and_is_the_same() {
        let (queue, kept) = exporting();
        let spans = Spans::to(queue.clone(), Sampler::AlwaysOn, "test");
        spans.tell(&owner(), &[trace(&["start"])]);
        spans.forget(&owner());
        spans.tell(&owner(), &[trace(&["start"])]);
        let exported = exported(&queue, &kept);
        assert_eq!(exported.len(), 2);
        assert_eq!(exported.first(), exported.last());
    }

    #[test]
    fn a_trace_that_is_not_sampled_is_told_as_a_whole_once_it_is_needed() {
        let (queue, kept) = exporting();
        let spans = Spans::to(queue.clone(), Sampler::AlwaysOff, "test");
        spans.tell(&owner(), &[trace(&["start"])]);
        let failed = Trace {
            is_needed: true,
            ..trace(&["start", "rollback"])
        };
        spans.tell(&owner(), &[failed]);
        let exported = exported(&queue, &kept);
        assert_eq!(names(&exported), ["start", "rollback"]);
    }
}
