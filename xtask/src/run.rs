//! Running other programs: what they say ends up in the error, the log or the result.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How many of the last lines of a failed program's output an error repeats.
const TAIL: usize = 15;
/// How often a program with a time limit is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A program to run, with its arguments; nothing runs before [`Cmd::run`], [`Cmd::read`] or
/// [`Cmd::finish`].
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    dir: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    log: Option<PathBuf>,
    limit: Option<Duration>,
    visible: bool,
}

/// What a program left when it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Whether it ended with exit code 0.
    pub(crate) success: bool,
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote to its standard output; empty when that went to a log or the terminal.
    pub(crate) stdout: String,
    /// The same of its standard error.
    pub(crate) stderr: String,
}

impl Cmd {
    /// The program of this path, or of this name on `PATH`.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            stdin: None,
            log: None,
            limit: None,
            visible: false,
        }
    }

    /// One more argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable out of the environment.
    pub(crate) fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// The folder to run in.
    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// What the program reads from its standard input; empty unless set.
    pub(crate) fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// Appends both outputs to this file instead of keeping them.
    pub(crate) fn log_to(mut self, file: impl AsRef<Path>) -> Self {
        self.log = Some(file.as_ref().to_owned());
        self
    }

    /// Kills the program, and fails, after this time.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Lets the program use this process's terminal: both outputs, and the input unless
    /// [`Cmd::stdin`] set one.
    pub(crate) fn visible(mut self) -> Self {
        self.visible = true;
        self
    }

    /// The command line, as an error or a log names it.
    pub(crate) fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words
            .map(|word| quoted(&word.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// It doesn't start, ends with another code than 0, or takes longer than its limit: the error
    /// carries the command line, the exit code and the last lines that it wrote.
    pub(crate) fn run(&self) -> Result<()> {
        self.checked().map(drop)
    }

    /// Runs the program to its end and returns its standard output, without the last newline.
    ///
    /// # Errors
    /// As [`Cmd::run`].
    pub(crate) fn read(&self) -> Result<String> {
        let mut out = self.checked()?.stdout;
        out.truncate(out.trim_end_matches('\n').len());
        Ok(out)
    }

    /// Runs the program to its end, whatever its exit code.
    ///
    /// # Errors
    /// It doesn't start, or takes longer than its limit.
    pub(crate) fn finish(&self) -> Result<Finished> {
        let mut child = self.spawn()?;
        let feeder = child.stdin.take().map(|mut pipe| {
            let text = self.stdin.clone().unwrap_or_default();
            // A program may end without reading all of its input; its exit code says whether that was wrong.
            thread::spawn(move || drop(pipe.write_all(&text)))
        });
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let status = self.wait(&mut child)?;
        if let Some(feeder) = feeder {
            drop(feeder.join());
        }
        Ok(Finished {
            success: status.success(),
            code: status.code(),
            stdout: joined(stdout),
            stderr: joined(stderr),
        })
    }

    fn checked(&self) -> Result<Finished> {
        let finished = self.finish()?;
        if finished.success {
            return Ok(finished);
        }
        let end = finished
            .code
            .map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        let mut message = format!("`{}` failed with {end}", self.line());
        let said = match &self.log {
            Some(log) => {
                let _ = write!(message, ", log: {}", log.display());
                fs::read(log)
                    .map(|text| String::from_utf8_lossy(&text).into_owned())
                    .unwrap_or_default()
            }
            None if finished.stderr.trim().is_empty() => finished.stdout,
            None => finished.stderr,
        };
        let said = tail(&said, TAIL);
        if !said.is_empty() {
            let _ = write!(message, "\n{said}");
        }
        bail!(message)
    }

    fn spawn(&self) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command.stdin(match (&self.stdin, self.visible) {
            (Some(_), _) => Stdio::piped(),
            (None, true) => Stdio::inherit(),
            (None, false) => Stdio::null(),
        });
        match (&self.log, self.visible) {
            (Some(log), _) => {
                let file = open_log(log)?;
                command.stdout(file.try_clone()?).stderr(file);
            }
            (None, true) => {}
            (None, false) => {
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
            }
        }
        command.spawn().with_context(|| {
            let program = self.program.display();
            format!(
                "`{}` can't be started: is {program} installed?",
                self.line()
            )
        })
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let Some(limit) = self.limit else {
            return Ok(child.wait()?);
        };
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                child.kill()?;
                child.wait()?;
                bail!(
                    "`{}` did not end within {} s and was killed",
                    self.line(),
                    limit.as_secs()
                );
            }
            thread::sleep(POLL);
        }
    }
}

/// Opens a log to append to, and makes its folder.
pub(crate) fn open_log(log: &Path) -> Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    let file = File::options().create(true).append(true).open(log);
    file.with_context(|| format!("can't write the log {}", log.display()))
}

/// The last `count` lines that say something.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines
        .get(lines.len().saturating_sub(count)..)
        .unwrap_or_default()
        .join("\n")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> Option<JoinHandle<Vec<u8>>> {
    pipe.map(|mut pipe| {
        thread::spawn(move || {
            let mut text = Vec::new();
            // A broken pipe ends the output; what came before it is what there is.
            drop(pipe.read_to_end(&mut text));
            text
        })
    })
}

fn joined(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let text = reader
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_read_and_input_is_given() {
        assert_eq!(
            Cmd::new("cat").stdin("one\ntwo\n").read().unwrap(),
            "one\ntwo"
        );
    }

    #[test]
    fn a_failure_names_the_command_the_code_and_the_last_lines() {
        let script = "echo first >&2; echo last >&2; exit 3";
        let error = Cmd::new("sh")
            .arg("-c")
            .arg(script)
            .run()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit code 3") && error.ends_with("first\nlast"),
            "{error}"
        );
        assert!(error.contains("sh -c 'echo first"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = format!("{:#}", Cmd::new("no-such-program-here").run().unwrap_err());
        assert!(error.contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn a_limit_ends_a_program() {
        let begin = Instant::now();
        let error = Cmd::new("sleep")
            .arg("60")
            .limit(Duration::from_millis(50))
            .run()
            .unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_log_holds_both_outputs_and_the_error_repeats_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/one.log");
        let command = Cmd::new("sh")
            .arg("-c")
            .arg("echo out; echo err >&2; exit 1")
            .log_to(&log);
        let error = command.run().unwrap_err().to_string();
        assert!(
            error.ends_with("out\nerr") && error.contains("one.log"),
            "{error}"
        );
    }

    #[test]
    fn the_tail_skips_blank_lines() {
        assert_eq!(tail("a\n\nb\n \nc\n", 2), "b\nc");
        assert_eq!(tail("", 2), "");
    }
}
