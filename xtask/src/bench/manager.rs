//! How long core-reconciler takes from the start of its process until it says that it is ready.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::figures::median;
use crate::cluster::Target;
use crate::ui::Progress;
use crate::{artifacts, deploy, http, images};

/// A manager that takes longer is broken, not slow.
const LIMIT: Duration = Duration::from_secs(30);
/// How long between two questions; far below what is measured.
const PERIOD: Duration = Duration::from_millis(2);

/// The median of `runs` starts of the static release binary against `target`, in milliseconds.
///
/// # Errors
/// When the binary can't be built, ends, or isn't ready within 30 s; its log is named.
pub(super) fn ready_ms(target: &Target, runs: usize) -> Result<f64> {
    let binary = images::binaries::compile(&["core-reconciler"], false)?
        .into_iter()
        .next()
        .context("the compiler made no binary")?;
    let progress = Progress::with_total("manager", runs);
    let mut times = Vec::new();
    for run in 0..runs {
        let what = format!("start {}", run + 1);
        times.push(progress.step(&what, || once(target, &binary.path, run))?);
    }
    median(&times).context("--manager-runs must be at least 1")
}

fn once(target: &Target, binary: &Path, run: usize) -> Result<f64> {
    let address = free_address()?;
    let log = artifacts::folder().join("bench/manager.log");
    let output = crate::run::open_log(&log)?;
    let begin = Instant::now();
    let child = Command::new(binary)
        .env("KUBECONFIG", target.kubeconfig())
        .env("LISTEN_ADDR", address.to_string())
        .env("POD_NAME", format!("bench-{run}"))
        .env("POD_NAMESPACE", deploy::NAMESPACE)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let mut manager = Running(child);
    loop {
        let elapsed = begin.elapsed();
        if http::get(address, "/readyz", LIMIT).is_ok_and(|answer| answer.status == 200) {
            return Ok(begin.elapsed().as_secs_f64() * 1000.0);
        }
        if let Some(status) = manager.0.try_wait()? {
            bail!("core-reconciler ended with {status}: see {}", log.display());
        }
        if elapsed > LIMIT {
            bail!(
                "core-reconciler was not ready in time: see {}",
                log.display()
            );
        }
        thread::sleep(PERIOD);
    }
}

/// An address that was free a moment ago; the system doesn't hand it out again at once.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    Ok(listener.local_addr()?)
}

/// A process that ends with this value: asked to, so that it hands its lease over to the next one.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let asked = i32::try_from(self.0.id()).is_ok_and(|id| {
            let id = nix::unistd::Pid::from_raw(id);
            nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).is_ok()
        });
        let deadline = Instant::now() + LIMIT;
        while asked && Instant::now() < deadline {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(PERIOD);
        }
        // Nothing more can be done about a process that neither ends nor can be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_is_ended_politely_when_it_listens() {
        let folder = tempfile::tempdir().unwrap();
        let (ready, polite) = (folder.path().join("ready"), folder.path().join("polite"));
        let script = format!(
            "trap 'touch {}; exit 0' TERM; touch {}; while :; do sleep 0.01; done",
            polite.display(),
            ready.display()
        );
        let child = Command::new("sh").args(["-c", &script]).spawn().unwrap();
        let deadline = Instant::now() + LIMIT;
        while !ready.exists() && Instant::now() < deadline {
            thread::sleep(PERIOD);
        }
        drop(Running(child));
        assert!(polite.exists());
    }
}
