//! What became of spans, as metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Counts spans. Clones share the figures.
#[derive(Debug, Clone, Default)]
pub struct SpanCounts {
    exported: Counter,
    dropped: Counter,
}

impl SpanCounts {
    /// Adds the figures to what is rendered.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "demo_spans_exported",
            "Spans that the collector has taken",
            self.exported.clone(),
        );
        registry.register(
            "demo_spans_dropped",
            "Spans that were lost: there was no room, or the collector did not take them",
            self.dropped.clone(),
        );
    }

    /// Counts spans that are out.
    pub(super) fn exported(&self, number: usize) {
        self.exported.inc_by(number.try_into().unwrap_or(u64::MAX));
    }

    /// Counts spans that are lost.
    pub(super) fn dropped(&self, number: usize) {
        self.dropped.inc_by(number.try_into().unwrap_or(u64::MAX));
    }

    /// Those that are out, and those that are lost.
    #[cfg(test)]
    pub(super) fn figures(&self) -> (u64, u64) {
        (self.exported.get(), self.dropped.get())
    }
}
