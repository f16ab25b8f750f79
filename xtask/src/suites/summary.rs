//! What stands at the end of `cargo xtask test`.

use std::time::Duration;

use super::counted::Count;

/// What one suite came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The suite's name.
    pub(crate) suite: &'static str,
    /// Its tests.
    pub(crate) count: Count,
    /// How long it took, its cluster's start included.
    pub(crate) took: Duration,
    /// Why it couldn't run to its end, if so.
    pub(crate) broken: Option<String>,
}

impl Outcome {
    /// Whether everything in it passed.
    pub(crate) fn passed(&self) -> bool {
        self.count.failed == 0 && self.broken.is_none()
    }
}

/// The lines of the summary, the totals last.
pub(crate) fn text(outcomes: &[Outcome], left_out: &[String]) -> String {
    let mut lines = Vec::new();
    let mut total = Count::default();
    for outcome in outcomes {
        total.add(outcome.count);
        lines.push(format!(
            "{:8} {}  ({})",
            outcome.suite,
            counts(outcome.count),
            duration(outcome.took)
        ));
        if let Some(reason) = &outcome.broken {
            lines.push(format!("         {}", reason.replace('\n', "\n         ")));
        }
    }
    if !left_out.is_empty() {
        lines.push(format!("left out: {}", left_out.join("; ")));
    }
    lines.push(counts(total));
    lines.join("\n")
}

fn counts(count: Count) -> String {
    let ignored = match count.ignored {
        0 => String::new(),
        ignored => format!(", {ignored} left out"),
    };
    format!("{} passed, {} failed{ignored}", count.passed, count.failed)
}

fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(suite: &'static str, passed: usize, failed: usize, seconds: u64) -> Outcome {
        Outcome {
            suite,
            count: Count {
                passed,
                failed,
                ignored: 0,
            },
            took: Duration::from_secs(seconds),
            broken: None,
        }
    }

    #[test]
    fn the_last_line_is_the_total() {
        let text = text(&[outcome("unit", 40, 0, 59), outcome("api", 2, 1, 61)], &[]);
        assert_eq!(
            text,
            "unit     40 passed, 0 failed  (59 s)\n\
             api      2 passed, 1 failed  (1 min 1 s)\n\
             42 passed, 1 failed"
        );
    }

    #[test]
    fn what_was_left_out_and_why_a_suite_broke_is_said() {
        let mut broken = outcome("cluster", 0, 1, 3);
        broken.broken = Some("no containerd".into());
        assert!(!broken.passed());
        let text = text(&[broken], &["2 heavy tests (--all)".into()]);
        assert!(text.contains("no containerd"), "{text}");
        assert!(text.contains("left out: 2 heavy tests (--all)"), "{text}");
        assert!(text.ends_with("0 passed, 1 failed"), "{text}");
    }
}
