//! The long-running processes of a cluster: started once, found again, stopped exactly.
//!
//! A process is known by its number together with the time of its start and the machine's boot, so
//! that a number that was given to another process is never killed. Every process also carries the
//! cluster's folder in its environment, which finds those whose record was lost.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::procfs::{self, Pid};
use crate::cluster::record::write_whole;
use crate::{digest, run};

/// The variable that every process of a cluster carries; its value is the cluster's folder.
pub(super) const MARK: &str = "RESTAPI_CLUSTER";
/// Where system programs are, whatever the caller's `PATH`.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How often something that should happen at once is looked at.
pub(super) const POLL: Duration = Duration::from_millis(20);
/// How long a process may take to end after it was told to.
const STOP: Duration = Duration::from_secs(5);

/// A process to keep running.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    /// Its name in the cluster: also that of its log.
    pub(super) name: String,
    /// The program.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) args: Vec<String>,
    /// The network namespace that it runs in; none: the host's.
    pub(super) namespace: Option<PathBuf>,
    /// The files that it reads at its start: when they change it is started anew.
    pub(super) inputs: Vec<PathBuf>,
}

/// What is known about a started process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    pid: Pid,
    start: u64,
    boot: String,
    digest: String,
}

impl Known {
    fn is_running(&self) -> bool {
        let same = |stat: procfs::Stat| stat.start == self.start && !stat.ended;
        procfs::boot_id().is_ok_and(|boot| boot == self.boot)
            && procfs::stat(self.pid).is_some_and(same)
    }
}

impl Daemon {
    /// Starts the process unless it runs with the same program, arguments and inputs. Returns
    /// whether it was started.
    ///
    /// # Errors
    /// It can't be started, or an older one doesn't end.
    pub(super) fn ensure(&self, layout: &Layout) -> Result<bool> {
        let digest = self.digest();
        if let Some(known) = known(layout, &self.name)? {
            if known.is_running() && known.digest == digest {
                return Ok(false);
            }
            stop(layout, &self.name)?;
        }
        self.start(layout, digest)?;
        Ok(true)
    }

    /// Fails, with the end of its log, when the process has ended.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn check(&self, layout: &Layout) -> Result<()> {
        check(layout, &self.name)
    }

    fn start(&self, layout: &Layout, digest: String) -> Result<()> {
        let log = layout.log(&self.name);
        let file = run::open_log(&log)?;
        let mut command = Command::new("setsid");
        if let Some(namespace) = &self.namespace {
            command
                .arg("nsenter")
                .arg(format!("--net={}", namespace.display()));
        }
        command.arg(&self.program).args(&self.args).current_dir("/");
        command
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .env(MARK, layout.folder())
            // How much more memory than is in use a program may take to clear up less often: a caller with much of it
            // says.
            .envs(std::env::var_os("GOGC").map(|spare| ("GOGC", spare)));
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("can't start {}", self.name))?;
        // `setsid` and `nsenter` become the program: the number stays.
        let pid = Pid::try_from(child.id())?;
        let stat = procfs::stat(pid)
            .with_context(|| format!("{} ended at once, log: {}", self.name, log.display()))?;
        let known = Known {
            pid,
            start: stat.start,
            boot: procfs::boot_id()?,
            digest,
        };
        fs::create_dir_all(layout.processes())?;
        write_whole(&file_of(layout, &self.name), &serde_json::to_vec(&known)?)
    }

    fn digest(&self) -> String {
        let what = (&self.program, &self.args, &self.namespace);
        let mut text = format!("{what:?}").into_bytes();
        for input in &self.inputs {
            text.extend(fs::read(input).unwrap_or_default());
        }
        digest::of_bytes(text)
    }
}

/// Whether the process of this name runs.
pub(super) fn is_running(layout: &Layout, name: &str) -> bool {
    running(layout, name).is_some()
}

/// The number of the process of this name, when it runs.
pub(super) fn running(layout: &Layout, name: &str) -> Option<Pid> {
    let known = known(layout, name).ok()??;
    known.is_running().then_some(known.pid)
}

/// Fails, with the end of its log, when the process of this name doesn't run.
///
/// # Errors
/// It doesn't run.
pub(super) fn check(layout: &Layout, name: &str) -> Result<()> {
    if is_running(layout, name) {
        return Ok(());
    }
    let log = layout.log(name);
    let said = fs::read(&log).unwrap_or_default();
    let said = run::tail(&String::from_utf8_lossy(&said), 10);
    bail!("{name} has ended, log: {}\n{said}", log.display())
}

/// Ends the process of this name, if it runs, and forgets it.
///
/// # Errors
/// It doesn't end even when it is killed.
pub(super) fn stop(layout: &Layout, name: &str) -> Result<()> {
    if let Some(pid) = running(layout, name) {
        send(pid, Signal::SIGTERM)?;
        if !wait_until(STOP, || !is_running(layout, name)) {
            send(pid, Signal::SIGKILL)?;
        }
        if !wait_until(STOP, || !is_running(layout, name)) {
            bail!("{name} (process {pid}) does not end");
        }
    }
    match fs::remove_file(file_of(layout, name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Kills what `find` finds, again and again until it finds nothing: what is found can start others
/// before it ends.
///
/// # Errors
/// Something is left after 5 s.
pub(super) fn kill_all(find: impl Fn() -> Vec<Pid>) -> Result<()> {
    let own = Pid::try_from(std::process::id())?;
    let mut left = Vec::new();
    let gone = wait_until(STOP, || {
        left = find();
        left.retain(|pid| *pid != own && procfs::is_running(*pid));
        for pid in &left {
            drop(send(*pid, Signal::SIGKILL));
        }
        left.is_empty()
    });
    if !gone {
        bail!("these processes do not end: {left:?}");
    }
    Ok(())
}

/// Waits until `condition` holds; returns whether it does at the end of `limit`.
pub(super) fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Writes a file that only its owner may read, unless it has this content already.
pub(super) fn write_private(file: &Path, content: &str) -> Result<()> {
    use std::io::Write as _;
    if fs::read_to_string(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = file.with_extension("unfinished");
    let mut options = fs::File::options();
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut out| out.write_all(content.as_bytes()))
        .and_then(|()| fs::rename(&unfinished, file));
    written.with_context(|| format!("can't write {}", file.display()))
}

fn known(layout: &Layout, name: &str) -> Result<Option<Known>> {
    let file = file_of(layout, name);
    match fs::read(&file) {
        // A record that can't be read is that of a machine that stopped while writing it.
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("can't read {}", file.display())),
    }
}

fn file_of(layout: &Layout, name: &str) -> PathBuf {
    layout.processes().join(name)
}

fn send(pid: Pid, signal: Signal) -> Result<()> {
    match kill(nix::unistd::Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("can't send {signal} to process {pid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(script: &str) -> Daemon {
        Daemon {
            name: "one".into(),
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            namespace: None,
            inputs: Vec::new(),
        }
    }

    fn layout(folder: &tempfile::TempDir) -> Layout {
        Layout::new(folder.path())
    }

    #[test]
    fn a_process_is_started_once_found_again_and_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(&folder);
        let sleeper = daemon("exec sleep 600");
        assert!(sleeper.ensure(&layout).unwrap());
        assert!(!sleeper.ensure(&layout).unwrap());
        let pid = running(&layout, "one").unwrap();
        assert!(wait_until(STOP, || procfs::with_variable(
            MARK,
            folder.path()
        ) == [pid]));
        stop(&layout, "one").unwrap();
        assert!(!procfs::is_running(pid) && !is_running(&layout, "one"));
    }

    #[test]
    fn other_arguments_start_it_anew() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(&folder);
        daemon("exec sleep 600").ensure(&layout).unwrap();
        let first = running(&layout, "one").unwrap();
        assert!(daemon("exec sleep 601").ensure(&layout).unwrap());
        assert!(!procfs::is_running(first));
        // Until it is the program, it has the variables of who started it.
        let second = running(&layout, "one").unwrap();
        let marked = || procfs::with_variable(MARK, folder.path());
        assert!(wait_until(STOP, || marked() == [second]));
        kill_all(|| procfs::with_variable(MARK, folder.path())).unwrap();
        assert!(!is_running(&layout, "one"));
    }

    #[test]
    fn a_number_that_was_given_to_another_process_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(&folder);
        let sleeper = daemon("exec sleep 600");
        sleeper.ensure(&layout).unwrap();
        let mut record = known(&layout, "one").unwrap().unwrap();
        assert!(record.is_running());
        record.start += 1;
        assert!(!record.is_running(), "the time of the start differs");
        record.start -= 1;
        record.boot = "another".into();
        assert!(!record.is_running(), "the machine was started anew");
        stop(&layout, "one").unwrap();
    }

    #[test]
    fn the_end_of_the_log_tells_why_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(&folder);
        let failing = daemon("echo no such flag >&2; exit 1");
        failing.ensure(&layout).unwrap();
        assert!(wait_until(STOP, || failing.check(&layout).is_err()));
        let error = failing.check(&layout).unwrap_err().to_string();
        assert!(
            error.contains("one has ended") && error.ends_with("no such flag"),
            "{error}"
        );
    }
}
