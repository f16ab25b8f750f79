//! What became of spans, as metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Counts spans. Clones share the figures.
#[derive(Clone, Debug, Default)]
pub struct SpanCounts {
    exported: Counter,
    dropped: Counter,
}

impl SpanCounts {
    /// Adds the figures to `registry`, under names that begin with `prefix`: `restapi`, say.
    pub fn register(&self, registry: &mut Registry, prefix: &str) {
        registry.register(
            format!("{prefix}_spans_exported"),
            "Spans that the collector of traces took",
            self.exported.clone(),
        );
        registry.register(
            format!("{prefix}_spans_dropped"),
            "Spans that were lost: queue full, or not taken by the collector of traces",
            self.dropped.clone(),
        );
    }

    /// Those that are out, and those that are lost.
    #[cfg(test)]
    pub(crate) fn figures(&self) -> (u64, u64) {
        (self.exported.get(), self.dropped.get())
    }

    pub(crate) fn exported(&self, number: usize) {
        self.exported.inc_by(number.try_into().unwrap_or(u64::MAX));
    }

    pub(crate) fn dropped(&self, number: usize) {
        self.dropped.inc_by(number.try_into().unwrap_or(u64::MAX));
    }
}
