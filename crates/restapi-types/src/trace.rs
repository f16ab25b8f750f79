//! The traces of rollouts: ids that everybody derives who knows which rollout it is, so that several managers, and one
//! that was started anew, write to the same trace without having been told; and W3C's text form of such ids.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// What every derived id begins with: another derivation would be another version.
const SCHEME: &str = "restapi.dev/rollout/v1";

/// The id of a trace: 16 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// The id of a span: 8 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id that is written as `text`, 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex(text).map(Self)
    }
}

impl SpanId {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// The id that is written as `text`, 16 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex(text).map(Self)
    }
}

/// The bytes written as `text`, unless all are zero, which W3C says is no id.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() != 2 * N || !text.bytes().all(is_lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

/// One rollout: an attempt at a revision of an application, from its start, or from when it was tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout<'a> {
    /// The `RestAPI`'s uid.
    pub uid: &'a str,
    /// The hash of the revision. Its number changes when an application comes back to it.
    pub revision: &'a str,
    /// The number of the attempt.
    pub attempt: u64,
    /// When somebody had it tried again, if anybody did.
    pub retried: Option<Timestamp>,
}

impl Rollout<'_> {
    /// The trace of the rollout.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        TraceId(self.derive(""))
    }

    /// The span of the whole rollout, which all others are below.
    #[must_use]
    pub fn root(&self) -> SpanId {
        self.span("rollout")
    }

    /// The span of a step. The same step has the same id, whoever derives it and how often.
    #[must_use]
    pub fn span(&self, step: &str) -> SpanId {
        SpanId(self.derive(step))
    }

    /// The rollout as others refer to it.
    #[must_use]
    pub fn context(&self) -> TraceParent {
        TraceParent {
            trace: self.trace(),
            span: self.root(),
            is_sampled: true,
        }
    }

    fn derive<const N: usize>(&self, step: &str) -> [u8; N] {
        let retried = self.retried.map(|at| at.to_string()).unwrap_or_default();
        let attempt = self.attempt.to_string();
        let mut digest = Sha256::new();
        // No part can hold the line's end, so no two rollouts give the same text.
        for part in [SCHEME, self.uid, self.revision, &attempt, &retried, step] {
            digest.update(part.as_bytes());
            digest.update(b"\n");
        }
        let digest = digest.finalize();
        let mut bytes = [0; N];
        for (byte, from) in bytes.iter_mut().zip(digest.iter()) {
            *byte = *from;
        }
        bytes
    }
}

/// A span that another one refers to, as W3C's Trace Context writes it: `00-TRACE-SPAN-FLAGS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Its trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Whether it is recorded.
    pub is_sampled: bool,
}

impl TraceParent {
    /// What is written as `text`; nothing where that is not valid. A version that is not known is read as the first
    /// one, as W3C wants it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = byte(version)?;
        let has_more = parts.next().is_some();
        if version == u8::MAX || (version == 0 && has_more) {
            return None;
        }
        let [flags] = byte(flags)?;
        Some(Self {
            trace: TraceId::parse(trace)?,
            span: SpanId::parse(span)?,
            is_sampled: flags & 1 == 1,
        })
    }
}

fn byte(text: &str) -> Option<[u8; 1]> {
    // Zero is a byte like any other here.
    if text == "00" { Some([0]) } else { hex(text) }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{}-{}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROLLOUT: Rollout<'_> = Rollout {
        uid: "8a5c8e9e-5e1c-4b0e-9d0f-0d1f9d8b7a61",
        revision: "4be1f06a9c55",
        attempt: 3,
        retried: None,
    };

    #[test]
    fn ids_stay_what_they_are_from_version_to_version() {
        let context = ROLLOUT.context().to_string();
        assert_eq!(
            context,
            "00-f6e4c3cc6965ce34f279be3d3c719eed-20a6604ccdbf5952-01"
        );
    }

    #[test]
    fn another_rollout_or_step_has_another_id() {
        let again = Rollout {
            retried: Some(Timestamp::UNIX_EPOCH),
            ..ROLLOUT
        };
        let next = Rollout {
            attempt: 4,
            ..ROLLOUT
        };
        let other = Rollout {
            revision: "4be1f06a9c56",
            ..ROLLOUT
        };
        let all = [ROLLOUT, again, next, other].map(|rollout| rollout.trace());
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_ne!(ROLLOUT.span("switch"), ROLLOUT.root());
        assert_eq!(ROLLOUT.span("rollout"), ROLLOUT.root());
    }

    #[test]
    fn what_w3c_does_not_allow_is_no_traceparent() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(TraceParent::parse(valid).is_some_and(|parent| parent.is_sampled));
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more";
        assert!(TraceParent::parse(later).is_some_and(|parent| !parent.is_sampled));
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(trace: [u8; 16], span: [u8; 8], is_sampled: bool) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let parent = TraceParent { trace: TraceId(trace), span: SpanId(span), is_sampled };
            prop_assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
        }

        #[test]
        fn nothing_that_is_read_panics(text in ".{0,80}") {
            let _ = TraceParent::parse(&text);
        }
    }
}
