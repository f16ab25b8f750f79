//! The way out for spans: a queue with an end, so that a collector that is away or slow costs spans
//! and nothing else, and a count of those that it cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor as _,
};

use super::SpanCounts;

/// How many spans may wait; the library's own default. One of ours takes about a kilobyte.
const QUEUE: usize = 2048;

/// How often what waits goes out: less is lost with a process that is killed than with the library's 5 s.
const INTERVAL: Duration = Duration::from_secs(1);

/// The way out. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct SpanQueue {
    processor: Arc<BatchSpanProcessor>,
    waiting: Arc<AtomicUsize>,
    counts: SpanCounts,
}

impl SpanQueue {
    /// A queue that `exporter` empties, on a thread of its own and in the name of `resource`.
    pub(super) fn new(
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
            .with_max_queue_size(2 * QUEUE)
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
    pub(super) fn put(&self, span: SpanData) {
        let enter = |waiting| (waiting < QUEUE).then_some(waiting + 1);
        let entered = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, enter);
        if entered.is_ok() {
            self.processor.on_end(span);
        } else {
            self.counts.dropped(1);
        }
    }

    /// Blocks until all that wait are out, for at most `limit`. Nothing goes out afterwards.
    pub(super) fn close(&self, limit: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(limit)
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
    use std::time::Instant;

    use http::{Method, StatusCode};
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;
    use crate::sampling::Sampling;
    use crate::spans::Spans;
    use crate::trace::TraceContext;

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

    fn put(queue: &SpanQueue, number: usize) {
        let spans = Spans(Some(queue.clone()));
        let trace = TraceContext::continue_from(&http::HeaderMap::new(), &Sampling::share(1.0));
        for _ in 0..number {
            let mut span = spans.of_request(&trace.child(), &Method::GET, Some("/"));
            span.answered(StatusCode::OK);
        }
    }

    #[test]
    fn a_collector_that_hangs_costs_what_there_is_no_room_for_and_never_waiting() {
        let (let_go, gate) = mpsc::channel();
        let queue = queue(Hangs(Mutex::new(gate)));
        let started = Instant::now();
        put(&queue, QUEUE + 10);
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(queue.counts.figures(), (0, 10));
        let limit = Duration::from_millis(100);
        let closing = Instant::now();
        assert!(queue.close(limit).is_err(), "it is not waited for longer");
        assert!(closing.elapsed() < Duration::from_secs(2));
        drop(let_go);
        let all = u64::try_from(QUEUE + 10).unwrap();
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
            put(&queue, QUEUE);
            queue.processor.force_flush().unwrap();
        }
        assert_eq!(queue.counts.figures(), (3 * 2048, 0));
    }
}
