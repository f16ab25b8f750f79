//! What every request carries from hop to hop beside its body: trace and deadline.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::sampling::Sampling;
use crate::trace::TraceContext;

/// Milliseconds that the caller still waits; each hop passes on what is left.
pub const DEADLINE: HeaderName = HeaderName::from_static("x-request-deadline-ms");

/// What a hop keeps for itself, so that its answer to a late peer still reaches its own caller.
const MARGIN: Duration = Duration::from_millis(20);

/// Trace and deadline of one request.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// This hop's place in the trace.
    pub trace: TraceContext,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

impl RequestContext {
    /// Reads the context from a request's headers. The deadline is the caller's, but never later
    /// than `limit` from now.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap, limit: Duration, sampling: &Sampling) -> Self {
        let asked = headers
            .get(DEADLINE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<u64>().ok())
            .map_or(limit, Duration::from_millis);
        let deadline = Instant::now() + asked.min(limit);
        Self {
            trace: TraceContext::continue_from(headers, sampling),
            deadline,
        }
    }

    /// The context of a call that is made on behalf of this request.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            trace: self.trace.child(),
            deadline: self.deadline,
        }
    }

    /// Writes the context into the headers of a request to the next hop.
    pub fn write_to(&self, headers: &mut HeaderMap) {
        self.trace.write_to(headers);
        let left = self
            .deadline
            .saturating_duration_since(Instant::now())
            .saturating_sub(MARGIN);
        let milliseconds = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        headers.insert(DEADLINE, HeaderValue::from(milliseconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_of(header: Option<&str>, limit: Duration) -> Duration {
        let mut headers = HeaderMap::new();
        if let Some(text) = header {
            headers.insert(DEADLINE, HeaderValue::from_str(text).unwrap());
        }
        let context = RequestContext::from_headers(&headers, limit, &Sampling::share(1.0));
        context.deadline.saturating_duration_since(Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_both_limits_counts() {
        let limit = Duration::from_secs(5);
        assert_eq!(left_of(None, limit), limit);
        assert_eq!(left_of(Some("200"), limit), Duration::from_millis(200));
        assert_eq!(left_of(Some("900000"), limit), limit);
        assert_eq!(left_of(Some("soon"), limit), limit);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_hop_gets_less_than_is_left() {
        let mut headers = HeaderMap::new();
        let second = Duration::from_secs(1);
        let context = RequestContext::from_headers(&headers, second, &Sampling::share(1.0));
        context.write_to(&mut headers);
        assert_eq!(headers.get(DEADLINE).unwrap(), "980");
    }
}
