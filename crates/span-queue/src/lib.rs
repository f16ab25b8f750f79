//! The way out for spans: a queue with an end, so that a collector that is away or slow costs spans and nothing else,
//! and a count of those that it cost.
#![forbid(unsafe_code)]

mod counts;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

pub use counts::SpanCounts;

/// How many spans may wait; the library's own default. One of ours takes about a kilobyte.
const CAPACITY: usize = 2048;

/// How often what waits goes out: less is lost with a process that is killed than with the library's 5 s.
const INTERVAL: Duration = Duration::from_secs(1);

/// The way out. Clones share it.
#[derive(Debug, Clone)]
pub struct SpanQueue {
    processor: Arc<BatchSpanProcessor>,
    waiting: Arc<AtomicUsize>,
    counts: SpanCounts,
}

impl SpanQueue {
    /// A queue that `exporter` empties, on a thread of its own and in the name of `resource`.
    #[must_use]
    pub fn new(
        exporter: impl SpanExporter + 'static,
        resource: &Resource,
        counts: SpanCounts,
    ) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Counted {
            exporter,
            waiting: Arc::clone(&waiting),
            counts: counts.clone(),
            is_failing: AtomicBool::new(false),
        };
        // It has more room than is ever taken: where it had not, it would lose spans and not say how many.
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(2 * CAPACITY)
            .with_scheduled_delay(INTERVAL);
        let mut processor = BatchSpanProcessor::builder(counted)
            .with_batch_config(config.build())
            .build();
        processor.set_resource(resource);
        Self {
            processor: Arc::new(processor),
            waiting,
            counts,
        }
    }

    /// Puts a span in, or loses and counts it where there is no room. Never waits.
    pub fn put(&self, span: SpanData) {
        let enter = |waiting| (waiting < CAPACITY).then_some(waiting + 1);
        let entered = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, enter);
        if entered.is_ok() {
            self.processor.on_end(span);
        } else {
            self.counts.dropped(1);
        }
    }
}

/// Takes those that are sampled.
impl SpanProcessor for SpanQueue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.processor.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.put(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    /// Blocks until all that wait are out, for at most `timeout`. Nothing goes out afterwards.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }
}

/// An exporter that counts.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    counts: SpanCounts,
    is_failing: AtomicBool,
}

impl<E> Counted<E> {
    /// Says so when the collector begins to fail, and when it does no longer: not every second.
    fn note(&self, result: &OTelSdkResult) {
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "spans cannot be exported and are lost");
            }
            Ok(()) if was_failing => tracing::info!("spans are exported again"),
            _ => {}
        }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let number = batch.len();
        let result = self.exporter.export(batch).await;
        self.waiting.fetch_sub(number, Ordering::AcqRel);
        if result.is_ok() {
            self.counts.exported(number);
        } else {
            self.counts.dropped(number);
        }
        self.note(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};
    use std::time::{Instant, SystemTime};

    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
    use opentelemetry::{InstrumentationScope, TraceId};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    /// Answers once it is let, and then that it failed.
    #[derive(Debug)]
    struct Hangs(Mutex<mpsc::Receiver<()>>);

    impl SpanExporter for Hangs {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            let _ = self.0.lock().unwrap().recv();
            Err(OTelSdkError::InternalFailure("no room".to_owned()))
        }
    }

    /// Takes everything.
    #[derive(Debug)]
    struct Takes;

    impl SpanExporter for Takes {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            Ok(())
        }
    }

    fn queue(exporter: impl SpanExporter + 'static) -> SpanQueue {
        let resource = Resource::builder().build();
        SpanQueue::new(exporter, &resource, SpanCounts::default())
    }

    fn span(flags: TraceFlags) -> SpanData {
        let (trace, span) = (TraceId::from(1), SpanId::from(1));
        let now = SystemTime::now();
        SpanData {
            span_context: SpanContext::new(trace, span, flags, false, TraceState::NONE),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "step".into(),
            start_time: now,
            end_time: now,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    fn put(queue: &SpanQueue, number: usize) {
        for _ in 0..number {
            queue.put(span(TraceFlags::SAMPLED));
        }
    }

    #[test]
    fn a_collector_that_hangs_costs_what_there_is_no_room_for_and_never_waiting() {
        let (let_go, gate) = mpsc::channel();
        let queue = queue(Hangs(Mutex::new(gate)));
        let started = Instant::now();
        put(&queue, CAPACITY + 10);
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(queue.counts.figures(), (0, 10));
        let limit = Duration::from_millis(100);
        let closing = Instant::now();
        let closed = queue.shutdown_with_timeout(limit);
        assert!(closed.is_err(), "it is not waited for longer");
        assert!(closing.elapsed() < Duration::from_secs(2));
        drop(let_go);
        let all = u64::try_from(CAPACITY + 10).unwrap();
        while queue.counts.figures() != (0, all) {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "what failed is lost"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_is_exported_is_counted_and_makes_room() {
        let queue = queue(Takes);
        for _ in 0..3 {
            put(&queue, CAPACITY);
            queue.force_flush().unwrap();
        }
        let all = u64::try_from(3 * CAPACITY).unwrap();
        assert_eq!(queue.counts.figures(), (all, 0));
    }

    #[test]
    fn what_is_not_sampled_stays() {
        let queue = queue(Takes);
        queue.on_end(span(TraceFlags::NOT_SAMPLED));
        queue.on_end(span(TraceFlags::SAMPLED));
        queue.force_flush().unwrap();
        assert_eq!(queue.counts.figures(), (1, 0));
    }
}
