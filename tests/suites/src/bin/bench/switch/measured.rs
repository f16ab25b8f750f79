//! What was measured in one part.

use std::time::Duration;

use suites::load::{Answer, Report};

use super::part::Part;
use crate::figures::{Figure, percentile};

/// A span of time on the load's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Its beginning.
    pub(super) from: Duration,
    /// Its end.
    pub(super) to: Duration,
}

/// What happened when.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// From the moment in which what serves was broken until it had been whole again for a while.
    pub(super) broken: Vec<Window>,
    /// When requests count; always when absent.
    pub(super) counted: Option<Vec<Window>>,
}

/// What was measured in one part.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// From the command to the moment in which every slice of every stable Service held the new environment only.
    pub(super) promotes: Vec<f64>,
    /// The same on the way back.
    pub(super) rollbacks: Vec<f64>,
    /// The same by a client that does nothing else.
    pub(super) bare: Vec<f64>,
    /// From the moment in which what serves was broken to the last request that was lost, each time.
    pub(super) outages: Vec<f64>,
    requests: usize,
    /// But for those that were lost while what serves was broken.
    lost: usize,
    lost_in_outages: usize,
    /// Those that were lost when requests did not count.
    uncounted: usize,
    mixed: usize,
}

impl Measured {
    /// Adds what became of the requests.
    pub(super) fn count(&mut self, report: &Report, windows: &Windows) {
        let Windows { broken, counted } = windows;
        let covers = |all: &[Window], answer: &Answer| all.iter().any(|one| one.covers(answer));
        self.requests = report.count();
        for answer in report.lost() {
            if is_mixed(answer) {
                self.mixed += 1;
            } else if counted.as_ref().is_some_and(|all| !covers(all, answer)) {
                self.uncounted += 1;
                continue;
            } else if covers(broken, answer) {
                self.lost_in_outages += 1;
            } else {
                self.lost += 1;
            }
            eprintln!("switch: lost {answer}");
        }
        self.outages = broken.iter().map(|one| one.outage(report)).collect();
    }

    /// The figures of a part.
    pub(super) fn figures(&self, part: Part) -> Vec<Figure> {
        if part == Part::Calm {
            self.undisturbed()
        } else {
            self.disturbed(part)
        }
    }

    fn switches(&self) -> usize {
        self.promotes.len() + self.rollbacks.len()
    }

    fn undisturbed(&self) -> Vec<Figure> {
        let p99 = percentile(&self.promotes, 0.99);
        let bare = percentile(&self.bare, 0.99);
        vec![
            Figure::new("switches", count(self.switches()), ""),
            Figure::new("requests", count(self.requests), ""),
            Figure::new("lost", count(self.lost), ""),
            Figure::new("mixed", count(self.mixed), ""),
            Figure::new("promote_p50_ms", percentile(&self.promotes, 0.5), "ms"),
            Figure::new("promote_p99_ms", p99, "ms"),
            Figure::new("bare_p50_ms", percentile(&self.bare, 0.5), "ms"),
            Figure::new("bare_p99_ms", bare, "ms"),
            Figure::new("promote_ratio", p99 / bare, ""),
            Figure::new("rollback_p50_ms", percentile(&self.rollbacks, 0.5), "ms"),
            Figure::new("rollback_p99_ms", percentile(&self.rollbacks, 0.99), "ms"),
        ]
    }

    fn disturbed(&self, part: Part) -> Vec<Figure> {
        let named = |figure: &str, value, unit| {
            Figure::new(format!("{}.{figure}", part.name()), value, unit)
        };
        let mut figures = vec![
            named("switches", count(self.switches()), ""),
            named("lost", count(self.lost), ""),
            named("mixed", count(self.mixed), ""),
            named("promote_p99_ms", percentile(&self.promotes, 0.99), "ms"),
        ];
        if !self.outages.is_empty() {
            let p99 = percentile(&self.outages, 0.99);
            figures.push(named("outage_p99_ms", p99, "ms"));
            figures.push(named("outage_lost", count(self.lost_in_outages), ""));
        }
        figures
    }
}

impl Window {
    /// Whether the request was under way then.
    fn covers(&self, answer: &Answer) -> bool {
        answer.at + answer.took >= self.from && answer.at <= self.to
    }

    /// From its beginning to the last request that was lost in it, in milliseconds; 0 where none was. A request that is
    /// lost alone a second later is an outage of a second: nobody knows what others would have met.
    fn outage(&self, report: &Report) -> f64 {
        let during = report.lost().filter(|answer| self.covers(answer));
        let last = during
            .map(|answer| answer.at.saturating_sub(self.from))
            .max();
        last.unwrap_or_default().as_secs_f64() * 1000.0
    }
}

/// Whether two revisions answered the request.
fn is_mixed(answer: &Answer) -> bool {
    let why = answer.result.as_ref().err();
    why.is_some_and(|why| why.contains("mixed environments"))
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use suites::load::Connection;

    use super::*;

    fn lost(at: u64, took: u64, why: &str) -> Answer {
        Answer {
            at: Duration::from_millis(at),
            took: Duration::from_millis(took),
            connection: Connection::New,
            result: Err(why.to_owned()),
        }
    }

    #[test]
    fn an_outage_lasts_from_the_break_to_the_last_request_that_was_lost() {
        let answers = vec![
            lost(100, 5, "before"),
            lost(900, 200, "under way"),
            lost(1300, 5, "during"),
            lost(1400, 5, "mixed environments: during, and bad all the same"),
            lost(9000, 5, "after"),
        ];
        let (from, to) = (Duration::from_secs(1), Duration::from_secs(4));
        let windows = Windows {
            broken: vec![Window { from, to }],
            counted: None,
        };
        let mut measured = Measured::default();
        measured.count(&Report::new(answers), &windows);
        assert_eq!((measured.lost, measured.lost_in_outages), (2, 2));
        assert_eq!(measured.mixed, 1);
        assert_eq!(format!("{:?}", measured.outages), "[400.0]");
    }

    #[test]
    fn where_times_are_named_requests_count_in_them_alone() {
        let answers = vec![
            lost(100, 5, "before"),
            lost(1300, 5, "during"),
            lost(1400, 5, "during"),
        ];
        let (from, to) = (Duration::from_secs(1), Duration::from_secs(4));
        let windows = Windows {
            broken: Vec::new(),
            counted: Some(vec![Window { from, to }]),
        };
        let mut measured = Measured::default();
        measured.count(&Report::new(answers), &windows);
        assert_eq!((measured.lost, measured.uncounted), (2, 1));
    }
}
