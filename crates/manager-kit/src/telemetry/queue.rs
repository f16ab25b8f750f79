//! The way out for spans: a queue with an end, so that a collector that is away or slow costs spans and nothing else,
//! and a count of those that it cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::metrics::Metrics;

/// How many spans may wait; the library's own default. A span of ours takes about a kilobyte.
const QUEUE: usize = 2048;

/// How often what waits goes out: less is lost with a process that is killed than with the library's 5 s.
const INTERVAL: Duration = Duration::from_secs(1);

/// The way out. Clones share it.
#[derive(Clone, Debug)]
pub struct SpanQueue {
    processor: Arc<BatchSpanProcessor>,
    waiting: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl SpanQueue {
    /// A queue that `exporter` empties, in the name of `resource`.
    pub(super) fn new(
        exporter: impl SpanExporter + 'static,
        resource: &Resource,
        metrics: Metrics,
    ) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Counted {
            exporter,
            waiting: Arc::clone(&waiting),
            metrics: metrics.clone(),
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
            metrics,
        }
    }

    /// Puts a span in, or loses and counts it where there is no room.
    pub(super) fn put(&self, span: SpanData) {
        let enter = |waiting| (waiting < QUEUE).then_some(waiting + 1);
        let entered = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, enter);
        if entered.is_ok() {
            self.processor.on_end(span);
        } else {
            self.metrics.spans_dropped(1);
        }
    }
}

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

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }
}

/// An exporter that counts.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let number = batch.len();
        let result = self.exporter.export(batch).await;
        self.waiting.fetch_sub(number, Ordering::AcqRel);
        if result.is_ok() {
            self.metrics.spans_exported(number);
        } else {
            self.metrics.spans_dropped(number);
        }
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
pub(super) mod tests {
    use std::sync::{Mutex, mpsc};

    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::Sampler;
    use restapi_types::trace::Rollout;

    use super::*;
    use crate::shell::ManagerInfo;
    use crate::telemetry::spans::{FinishedSpan, Spans, Trace};

    /// An exporter that keeps what it is given. Clones share it.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl Kept {
        /// What it was given.
        pub(crate) fn all(&self) -> Vec<SpanData> {
            self.0.lock().unwrap().clone()
        }
    }

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    /// A queue, where its spans go, and what is counted.
    pub(crate) fn exporting() -> (SpanQueue, Kept, Metrics) {
        let kept = Kept::default();
        let (queue, metrics) = into(kept.clone());
        (queue, kept, metrics)
    }

    fn into(exporter: impl SpanExporter + 'static) -> (SpanQueue, Metrics) {
        let metrics = Metrics::new(ManagerInfo {
            name: "test",
            version: "0",
        });
        let resource = Resource::builder().build();
        (
            SpanQueue::new(exporter, &resource, metrics.clone()),
            metrics,
        )
    }

    /// Answers once it is let, and then that it failed.
    #[derive(Debug)]
    struct Hangs(Mutex<mpsc::Receiver<()>>);

    impl SpanExporter for Hangs {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            let _ = self.0.lock().unwrap().recv();
            Err(OTelSdkError::InternalFailure("no room".to_owned()))
        }
    }

    fn tell(queue: &SpanQueue, number: usize) {
        let spans = Spans::to(queue.clone(), Sampler::AlwaysOn, "test");
        let owner = ("shop".to_owned(), "orders".to_owned());
        let rollout = Rollout {
            uid: "u",
            revision: "r",
            attempt: 1,
            retried: None,
        };
        let one = |n: usize| FinishedSpan {
            id: rollout.span(&n.to_string()),
            parent: None,
            name: "step",
            start: jiff::Timestamp::UNIX_EPOCH,
            end: jiff::Timestamp::UNIX_EPOCH,
            attributes: Vec::new(),
            links: Vec::new(),
            error: None,
        };
        let trace = Trace {
            id: rollout.trace(),
            spans: (0..number).map(one).collect(),
            is_needed: false,
        };
        spans.tell(&owner, &[trace]);
    }

    #[test]
    fn a_collector_that_hangs_costs_what_there_is_no_room_for_and_never_waiting() {
        let (let_go, gate) = mpsc::channel();
        let (queue, metrics) = into(Hangs(Mutex::new(gate)));
        tell(&queue, QUEUE + 10);
        let text = metrics.encode();
        assert!(
            text.contains("\nrestapi_spans_dropped_total 10\n"),
            "{text}"
        );
        drop(let_go);
        let _ = queue.force_flush();
        let text = metrics.encode();
        let all = format!("\nrestapi_spans_dropped_total {}\n", QUEUE + 10);
        assert!(text.contains(&all), "what failed is lost as well:\n{text}");
    }

    #[test]
    fn what_is_exported_is_counted_and_makes_room() {
        let (queue, kept, metrics) = exporting();
        for _ in 0..3 {
            tell(&queue, QUEUE);
            queue.force_flush().unwrap();
        }
        assert_eq!(kept.all().len(), 3 * QUEUE);
        let text = metrics.encode();
        let all = format!("\nrestapi_spans_exported_total {}\n", 3 * QUEUE);
        assert!(text.contains(&all), "{text}");
        assert!(text.contains("\nrestapi_spans_dropped_total 0\n"), "{text}");
    }
}
