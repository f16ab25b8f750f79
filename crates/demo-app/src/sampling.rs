//! Which of the traces that begin here are exported. Of those that a caller began, the caller has said it.

use opentelemetry::TraceId;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};

/// A share of all traces, chosen by their ids.
#[derive(Debug, Clone)]
pub struct Sampling(Sampler);

impl Sampling {
    /// This share, from 0 to 1.
    #[must_use]
    pub fn share(share: f64) -> Self {
        Self(Sampler::TraceIdRatioBased(share))
    }

    /// Whether a trace is among them.
    #[must_use]
    pub fn takes(&self, trace_id: u128) -> bool {
        let id = TraceId::from_bytes(trace_id.to_be_bytes());
        let result = self
            .0
            .should_sample(None, id, "", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::random_u128;

    #[test]
    fn about_the_share_that_was_asked_for_is_taken() {
        let taken = |share| {
            let sampling = Sampling::share(share);
            let ids = (0..4000).map(|_| random_u128());
            ids.filter(|id| sampling.takes(*id)).count()
        };
        assert_eq!((taken(0.0), taken(1.0)), (0, 4000));
        // Ten standard deviations.
        assert!((700..1300).contains(&taken(0.25)));
    }
}
