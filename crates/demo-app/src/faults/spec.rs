//! Which faults can be asked for, and within what bounds.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::problem::{Detail, Failure};

const MAX_DELAY_MS: u64 = 600_000;
const MAX_LEAK_MIB: u64 = 8192;
const MAX_BURN_THREADS: u32 = 16;
const MAX_BURN_SECONDS: u64 = 3600;

/// The body of `POST /faults`; what is left out is off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FaultSpec {
    /// Every request waits this long first, in milliseconds.
    pub delay_ms: u64,
    /// This part of the requests fails with 500, from 0 to 1.
    pub error_rate: f64,
    /// The process ends at once, before it answers.
    pub crash: bool,
    /// Memory is taken and never given back, this many MiB a second …
    #[serde(rename = "leakMiBPerSecond")]
    pub leak_mib_per_second: u64,
    /// … up to this many MiB.
    #[serde(rename = "maxMiB")]
    pub max_mib: u64,
    /// Threads that compute for nothing.
    pub burn_cpu: Option<BurnSpec>,
    /// `false`: `/ready` answers 503.
    pub ready: bool,
    /// `false`: `/health` answers 503.
    pub health: bool,
}

/// How much to compute for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BurnSpec {
    /// How many threads.
    pub threads: u32,
    /// For how long.
    pub seconds: u64,
}

impl Default for FaultSpec {
    fn default() -> Self {
        Self {
            delay_ms: 0,
            error_rate: 0.0,
            crash: false,
            leak_mib_per_second: 0,
            max_mib: 0,
            burn_cpu: None,
            ready: true,
            health: true,
        }
    }
}

impl FaultSpec {
    /// Reads and checks the body of `POST /faults`.
    ///
    /// # Errors
    /// A 400 for what is no such object, a 422 for values out of bounds, each with the fix.
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        let spec: Self = serde_json::from_slice(body).map_err(|error| {
            Failure::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                format!("the body is no set of faults: {error}"),
            )
        })?;
        let details = spec.errors();
        if details.is_empty() {
            return Ok(spec);
        }
        let fields: Vec<&str> = details.iter().map(|detail| detail.field.as_str()).collect();
        let message = format!(
            "invalid: {}; see details for the fix of each",
            fields.join(", ")
        );
        Err(
            Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
                .with_details(details),
        )
    }

    fn errors(&self) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut check = |holds: bool, field: &str, fix: String| {
            if !holds {
                details.push(Detail::new(field, "out of range", fix));
            }
        };
        check(
            self.delay_ms <= MAX_DELAY_MS,
            "delayMs",
            format!("0 to {MAX_DELAY_MS}"),
        );
        check(
            (0.0..=1.0).contains(&self.error_rate),
            "errorRate",
            "0 to 1".to_owned(),
        );
        let leaks = self.leak_mib_per_second > 0;
        check(
            self.leak_mib_per_second <= MAX_LEAK_MIB,
            "leakMiBPerSecond",
            format!("0 to {MAX_LEAK_MIB}"),
        );
        check(
            self.max_mib <= MAX_LEAK_MIB && (!leaks || self.max_mib > 0),
            "maxMiB",
            format!("1 to {MAX_LEAK_MIB}, together with leakMiBPerSecond"),
        );
        if let Some(burn) = self.burn_cpu {
            check(
                burn.threads <= MAX_BURN_THREADS,
                "burnCpu.threads",
                format!("0 to {MAX_BURN_THREADS}"),
            );
            check(
                burn.seconds <= MAX_BURN_SECONDS,
                "burnCpu.seconds",
                format!("0 to {MAX_BURN_SECONDS}"),
            );
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_off() {
        assert_eq!(FaultSpec::parse(b"{}").unwrap(), FaultSpec::default());
        let spec = FaultSpec::parse(br#"{"ready":false}"#).unwrap();
        assert!(!spec.ready && spec.health);
    }

    #[test]
    fn names_are_as_documented() {
        let body = br#"{"delayMs":5,"errorRate":0.5,"crash":false,"leakMiBPerSecond":1,"maxMiB":2,
            "burnCpu":{"threads":1,"seconds":2},"ready":true,"health":true}"#;
        let spec = FaultSpec::parse(body).unwrap();
        assert_eq!((spec.leak_mib_per_second, spec.max_mib), (1, 2));
        assert_eq!(
            spec.burn_cpu,
            Some(BurnSpec {
                threads: 1,
                seconds: 2
            })
        );
    }

    #[test]
    fn bounds_are_kept_and_named() {
        for (body, field) in [
            (r#"{"errorRate":1.1}"#, "errorRate"),
            (r#"{"errorRate":-0.1}"#, "errorRate"),
            (r#"{"delayMs":600001}"#, "delayMs"),
            (r#"{"leakMiBPerSecond":1}"#, "maxMiB"),
            (
                r#"{"burnCpu":{"threads":17,"seconds":1}}"#,
                "burnCpu.threads",
            ),
        ] {
            let failure = FaultSpec::parse(body.as_bytes()).unwrap_err();
            assert_eq!(failure.details()[0].field, field, "{body}");
        }
        assert_eq!(
            FaultSpec::parse(br#"{"delay":1}"#).unwrap_err().status(),
            StatusCode::BAD_REQUEST
        );
    }
}
