//! What became of the requests of a load.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Connection;
use crate::chain::Hop;

/// What became of one request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// When it began, since the start of the load.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// How it reached the server.
    pub connection: Connection,
    /// The pods that it went through, or why it is lost.
    pub result: Result<Vec<Hop>, String>,
}

impl Answer {
    /// A request that could not begin at its time.
    pub(super) fn not_asked(at: Duration) -> Self {
        let result = Err("too many requests were under way".to_owned());
        Self {
            at,
            took: Duration::ZERO,
            connection: Connection::New,
            result,
        }
    }
}

/// What became of all requests.
#[derive(Clone, Debug)]
pub struct Report(Vec<Answer>);

impl Report {
    /// A report of `answers`, whatever their order.
    #[must_use]
    pub fn new(mut answers: Vec<Answer>) -> Self {
        answers.sort_by_key(|answer| answer.at);
        Self(answers)
    }

    /// The chains of all requests that were answered.
    pub fn chains(&self) -> impl Iterator<Item = &[Hop]> {
        self.0
            .iter()
            .filter_map(|answer| answer.result.as_deref().ok())
    }

    /// Succeeds when no request was lost, and at least `least` were made.
    ///
    /// # Errors
    /// Names every request that was lost: when, how and why.
    pub fn none_lost(&self, least: usize) -> Result<()> {
        let lost: Vec<String> = self.lost().map(|answer| format!("\n  {answer}")).collect();
        ensure!(lost.is_empty(), "{self}; lost:{}", lost.concat());
        ensure!(self.0.len() >= least, "{self}: fewer than {least} requests");
        Ok(())
    }

    /// How many requests were made.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The requests that were lost.
    pub fn lost(&self) -> impl Iterator<Item = &Answer> {
        self.0.iter().filter(|answer| answer.result.is_err())
    }

    /// The time within which the part `share` (0 to 1) of the answers came.
    fn percentile(&self, share: f64) -> Duration {
        let mut times: Vec<_> = self
            .0
            .iter()
            .filter(|answer| answer.result.is_ok())
            .map(|answer| answer.took)
            .collect();
        times.sort();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into fewer than 2^52 times"
        )]
        let rank = (times.len() as f64 * share).ceil() as usize;
        times
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for answer in &self.0 {
            let connection = match answer.connection {
                Connection::New => "new",
                Connection::Kept => "kept",
            };
            *counts.entry(connection).or_default() += 1;
        }
        write!(
            f,
            "{} requests by connection {counts:?}, {} lost, p50 {:.1?}, p99 {:.1?}",
            self.0.len(),
            self.lost().count(),
            self.percentile(0.5),
            self.percentile(0.99)
        )
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            took,
            connection,
            result,
        } = self;
        write!(
            f,
            "at {at:.2?} over a {connection:?} connection, after {took:.2?}: {result:?}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(milliseconds: u64, result: Result<Vec<Hop>, String>) -> Answer {
        let took = Duration::from_millis(milliseconds);
        Answer {
            at: took,
            took,
            connection: Connection::Kept,
            result,
        }
    }

    #[test]
    fn one_lost_request_is_too_many_and_is_named() {
        let mut answers: Vec<_> = (1..=100).map(|ms| answer(ms, Ok(Vec::new()))).collect();
        let all = Report::new(answers.clone());
        assert!(all.none_lost(100).is_ok());
        assert!(
            all.none_lost(101)
                .unwrap_err()
                .to_string()
                .contains("fewer than 101")
        );
        answers.push(answer(7, Err("reset by peer".into())));
        let error = Report::new(answers).none_lost(100).unwrap_err().to_string();
        assert!(
            error.contains("1 lost") && error.contains("reset by peer"),
            "{error}"
        );
    }

    #[test]
    fn percentiles_are_those_of_the_answered() {
        let mut answers: Vec<_> = (1..=100)
            .rev()
            .map(|ms| answer(ms, Ok(Vec::new())))
            .collect();
        answers.push(answer(5000, Err("late".into())));
        let report = Report::new(answers);
        assert_eq!(report.percentile(0.5), Duration::from_millis(50));
        assert_eq!(report.percentile(0.99), Duration::from_millis(99));
        assert_eq!(Report::new(Vec::new()).percentile(0.5), Duration::ZERO);
    }
}
