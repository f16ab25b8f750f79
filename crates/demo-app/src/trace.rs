//! W3C Trace Context: reading, continuing and passing on `traceparent` and `tracestate`.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::entropy::{random_u64, random_u128};
use crate::sampling::Sampling;

/// The header that carries the trace id, the caller's span id and the flags.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header that carries vendors' own state; passed on as it came.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Longest `tracestate` that is passed on, in bytes; longer ones are dropped.
const MAX_STATE: usize = 512;
const SAMPLED: u8 = 0x01;

/// This process's place in a distributed trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    /// The span that this one is a part of; none where the trace begins.
    parent_id: Option<u64>,
    flags: u8,
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// Continues the caller's trace with a span id of its own, or starts a new trace when the
    /// headers carry none or an invalid one. Whether a trace is exported is said by who started it.
    #[must_use]
    pub fn continue_from(headers: &HeaderMap, sampling: &Sampling) -> Self {
        let parent = headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .and_then(parse_traceparent);
        match parent {
            Some(parent) => Self {
                trace_id: parent.trace_id,
                span_id: random_u64(),
                parent_id: Some(parent.span_id),
                flags: parent.flags,
                state: state_of(headers),
            },
            None => Self::new(sampling),
        }
    }

    fn new(sampling: &Sampling) -> Self {
        let trace_id = random_u128();
        Self {
            trace_id,
            span_id: random_u64(),
            parent_id: None,
            flags: if sampling.takes(trace_id) { SAMPLED } else { 0 },
            state: None,
        }
    }

    /// A span of its own below this one, such as that of a call.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span_id: random_u64(),
            parent_id: Some(self.span_id),
            ..self.clone()
        }
    }

    /// Whether whoever started the trace wants it exported.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The ids as numbers: of the trace, of the span, and of the span above.
    pub(crate) const fn ids(&self) -> (u128, u64, Option<u64>) {
        (self.trace_id, self.span_id, self.parent_id)
    }

    /// The trace id, 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// This process's span id, 16 lower-case hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// Writes the context into the headers of a request or of a response.
    pub fn write_to(&self, headers: &mut HeaderMap) {
        let text = format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        );
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

/// What a valid `traceparent` holds.
struct Parent {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// Reads a `traceparent`. Versions above 00 are read by their first four fields, as the
/// recommendation asks.
fn parse_traceparent(text: &str) -> Option<Parent> {
    let mut fields = text.trim().split('-');
    let version = hex(fields.next()?, 2)?;
    let trace_id = hex(fields.next()?, 32)?;
    let parent = hex(fields.next()?, 16)?;
    let flags = hex(fields.next()?, 2)?;
    let more = fields.next().is_some();
    if version == 0xff || (version == 0 && more) || trace_id == 0 || parent == 0 {
        return None;
    }
    Some(Parent {
        trace_id,
        span_id: u64::try_from(parent).ok()?,
        flags: u8::try_from(flags).ok()? & SAMPLED,
    })
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(lower))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

/// The `tracestate` headers joined into one, unless too long.
fn state_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let parts: Vec<&str> = headers
        .get_all(TRACESTATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let joined = parts.join(",");
    if joined.is_empty() || joined.len() > MAX_STATE {
        return None;
    }
    HeaderValue::try_from(joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn continued(pairs: &[(HeaderName, &str)]) -> TraceContext {
        TraceContext::continue_from(&headers(pairs), &Sampling::share(1.0))
    }

    #[test]
    fn a_call_is_a_child_of_the_request_and_the_request_of_its_caller() {
        let request = continued(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1")]);
        let (trace, span, parent) = request.ids();
        assert_eq!(parent, Some(0x00f0_67aa_0ba9_02b7));
        let call = request.child();
        let (trace_of_call, span_of_call, parent_of_call) = call.ids();
        assert_eq!((trace_of_call, parent_of_call), (trace, Some(span)));
        assert_ne!(span_of_call, span);
        assert_eq!(call.state, request.state);
    }

    #[test]
    fn whoever_starts_a_trace_says_whether_it_is_sampled() {
        let none = Sampling::share(0.0);
        assert!(!TraceContext::continue_from(&HeaderMap::new(), &none).is_sampled());
        assert!(continued(&[]).is_sampled());
        let sampled = headers(&[(TRACEPARENT, PARENT)]);
        assert!(TraceContext::continue_from(&sampled, &none).is_sampled());
        let unsampled = PARENT.replace("-01", "-00");
        let context = continued(&[(TRACEPARENT, &unsampled)]);
        assert!(!context.is_sampled() && !context.child().is_sampled());
    }

    #[test]
    fn a_valid_parent_is_continued_with_a_new_span() {
        let context = continued(&[(TRACEPARENT, PARENT)]);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(context.span_id(), "00f067aa0ba902b7");
        let mut out = HeaderMap::new();
        context.write_to(&mut out);
        let written = out.get(TRACEPARENT).unwrap().to_str().unwrap();
        assert!(written.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(written.ends_with("-01"));
    }

    #[test]
    fn an_invalid_parent_starts_a_new_trace() {
        let zero_trace = format!("00-{:032}-00f067aa0ba902b7-01", 0);
        let zero_span = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{:016}-01", 0);
        let upper = PARENT.to_uppercase();
        let forbidden = PARENT.replacen("00", "ff", 1);
        let longer = format!("{PARENT}-more");
        for bad in [
            "",
            "junk",
            &zero_trace,
            &zero_span,
            &upper,
            &forbidden,
            &longer,
        ] {
            let context = continued(&[(TRACEPARENT, bad), (TRACESTATE, "vendor=1")]);
            assert_ne!(
                context.trace_id(),
                "4bf92f3577b34da6a3ce929d0e0e4736",
                "{bad}"
            );
            assert_eq!(
                context.state, None,
                "state of an invalid parent is not passed on"
            );
        }
    }

    #[test]
    fn a_later_version_is_read_by_its_first_fields() {
        let later = PARENT.replacen("00", "01", 1) + "-more";
        let context = continued(&[(TRACEPARENT, &later)]);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn tracestate_is_joined_and_passed_on() {
        let context = continued(&[
            (TRACEPARENT, PARENT),
            (TRACESTATE, "a=1"),
            (TRACESTATE, "b=2"),
        ]);
        let mut out = HeaderMap::new();
        context.write_to(&mut out);
        assert_eq!(out.get(TRACESTATE).unwrap(), "a=1,b=2");
    }
}
