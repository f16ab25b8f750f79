//! What a person sees while something takes long: what is being done, for how long already, and
//! how much is left. Everything goes to standard error; standard output is for results.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often the line of the running step is drawn again on a terminal.
const REDRAW: Duration = Duration::from_millis(250);
/// How often a long step says that it still runs when there is no terminal.
const REMIND: Duration = Duration::from_mins(1);

/// The progress of one command, step by step.
///
/// On a terminal the running step's line is drawn again as time passes; elsewhere each step is one
/// line when it has ended, and one each minute while it runs.
#[derive(Debug)]
pub(crate) struct Progress {
    title: String,
    total: Option<usize>,
    done: AtomicUsize,
    terminal: bool,
}

impl Progress {
    /// Progress with an unknown number of steps.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            total: None,
            done: AtomicUsize::new(0),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Progress with a known number of steps: each line says how many are left.
    pub(crate) fn with_total(title: impl Into<String>, total: usize) -> Self {
        Self {
            total: Some(total),
            ..Self::new(title)
        }
    }

    /// Does one step and says so.
    ///
    /// # Errors
    /// Those of `work`, with the step's name before them.
    pub(crate) fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begin = Instant::now();
        let number = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let head = self.head(number, what);
        let (ended, end) = mpsc::channel::<()>();
        let result = thread::scope(|scope| {
            let head = &head;
            scope.spawn(move || self.tick(head, begin, &end));
            let result = work();
            drop(ended);
            result
        });
        let verdict = if result.is_ok() { "done" } else { "FAILED" };
        self.line(&format!("{head}: {verdict}, {}", seconds(begin.elapsed())));
        result.with_context(|| format!("{}: {what}", self.title))
    }

    /// Says one thing that is not a step.
    pub(crate) fn note(&self, text: &str) {
        self.line(&format!("{}: {text}", self.title));
    }

    fn head(&self, number: usize, what: &str) -> String {
        match self.total {
            Some(total) => format!("{} [{number}/{total}] {what}", self.title),
            None => format!("{} {what}", self.title),
        }
    }

    /// Shows the running step until its end is told by closing the channel.
    fn tick(&self, head: &str, begin: Instant, end: &mpsc::Receiver<()>) {
        let period = if self.terminal { REDRAW } else { REMIND };
        while end.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
            let text = format!("{head} … {}", seconds(begin.elapsed()));
            if self.terminal {
                draw(&text);
            } else {
                self.line(&text);
            }
        }
    }

    fn line(&self, text: &str) {
        let clear = if self.terminal { "\r\x1b[2K" } else { "" };
        let _ = writeln!(std::io::stderr().lock(), "{clear}{text}");
    }
}

/// A progress line that can't be written is no reason to stop the work.
fn draw(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r\x1b[2K{text}");
    let _ = out.flush();
}

/// A duration as a person reads it: `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        whole @ 10..120 => format!("{whole} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(440)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(12)), "12 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 5 s");
    }

    #[test]
    fn a_failed_step_names_itself_and_its_command() {
        let progress = Progress::with_total("images", 2);
        let error = progress.step("pause: building", || -> Result<()> {
            anyhow::bail!("no space")
        });
        assert_eq!(
            format!("{:#}", error.unwrap_err()),
            "images: pause: building: no space"
        );
        assert_eq!(progress.step("next", || Ok(7)).unwrap(), 7);
    }

    #[test]
    fn the_head_counts_when_the_total_is_known() {
        assert_eq!(
            Progress::with_total("up", 3).head(2, "etcd"),
            "up [2/3] etcd"
        );
        assert_eq!(Progress::new("up").head(2, "etcd"), "up etcd");
    }
}
