//! The programs of pods, as processes of this machine, on which all nodes live.

use std::fs;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The name of the program in its image, in every image of this repository.
pub const OURS: &str = "main";

/// The processes of `program` in the pods of these uids, each of which is in the name of a control group.
#[must_use]
pub fn of_pods(uids: &[&str], program: &str) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_of(*pid, uids, program)).collect()
}

fn is_of(pid: i32, uids: &[&str], program: &str) -> bool {
    // A process can end while it is looked at.
    let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let is_program = read("comm").trim() == program;
    is_program && uids.iter().any(|uid| read("cgroup").contains(uid))
}

/// Kills all these processes (SIGKILL), one right after the other.
///
/// # Errors
/// When one has ended, or can't be killed.
pub fn kill_at_once(pids: &[i32]) -> Result<()> {
    for pid in pids {
        kill(Pid::from_raw(*pid), Signal::SIGKILL)
            .with_context(|| format!("killing process {pid}"))?;
    }
    Ok(())
}
