//! Runs a command, shows what it says, and counts the results of its tests.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// How many tests did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Tests, or checks, that passed.
    pub(crate) passed: usize,
    /// Tests, or checks, that failed.
    pub(crate) failed: usize,
    /// Tests that were left out.
    pub(crate) ignored: usize,
}

impl Count {
    /// One check that passed.
    pub(crate) const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        ignored: 0,
    };

    /// One check that failed.
    pub(crate) const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        ignored: 0,
    };

    /// Adds `other` to this count.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Runs `command` and passes its output on. Its count is that of the `test result:` lines in it, and never
/// without a failure when the command failed: a suite that doesn't compile has one.
///
/// # Errors
/// When the command can't be started.
pub(crate) fn run(command: &mut Command) -> Result<Count> {
    run_shown(command, &mut std::io::stdout().lock())
}

fn run_shown(command: &mut Command, shown: &mut impl Write) -> Result<Count> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    let mut count = Count::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let text = String::from_utf8_lossy(&line);
            if let Some(counted) = parse(&text) {
                count.add(counted);
            }
            writeln!(shown, "{text}")?;
        }
        shown.flush()?;
    }
    let status = child.wait()?;
    Ok(judged(count, status.success()))
}

fn judged(mut count: Count, success: bool) -> Count {
    if !success && count.failed == 0 {
        count.failed = 1;
    }
    if success && count == Count::default() {
        count.passed = 1;
    }
    count
}

/// What a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …` counts.
fn parse(line: &str) -> Option<Count> {
    let (_, results) = line
        .trim_start()
        .strip_prefix("test result: ")?
        .split_once(". ")?;
    let mut count = Count::default();
    for result in results.split("; ") {
        let Some((number, what)) = result.split_once(' ') else {
            continue;
        };
        match (number.parse(), what) {
            (Ok(number), "passed") => count.passed = number,
            (Ok(number), "failed") => count.failed = number,
            (Ok(number), "ignored") => count.ignored = number,
            _ => {}
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_summary_is_counted() {
        let line = "test result: FAILED. 12 passed; 2 failed; 3 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        assert_eq!(
            parse(line),
            Some(Count {
                passed: 12,
                failed: 2,
                ignored: 3
            })
        );
        assert_eq!(parse("test naming::ok ... ok"), None);
    }

    #[test]
    fn a_command_that_fails_without_a_result_is_a_failure() {
        assert_eq!(judged(Count::default(), false), Count::FAILED);
        assert_eq!(
            judged(
                Count {
                    passed: 5,
                    ..Count::default()
                },
                false
            )
            .failed,
            1
        );
    }

    #[test]
    fn a_check_that_succeeds_without_a_result_is_one_that_passed() {
        assert_eq!(judged(Count::default(), true), Count::PASSED);
    }

    #[test]
    fn results_of_a_real_process_are_counted_whatever_its_bytes() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            r"printf 'noise \377\n'; echo 'test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured'; exit 3",
        ]);
        let mut shown = Vec::new();
        let count = run_shown(&mut command, &mut shown).unwrap();
        assert!(shown.starts_with(b"noise "), "{shown:?}");
        assert_eq!(
            count,
            Count {
                passed: 7,
                failed: 1,
                ignored: 1
            }
        );
    }
}
