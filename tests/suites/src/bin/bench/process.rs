//! What the kernel tells of a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};

/// The peak of the resident memory of process `pid` since its start, in MiB.
///
/// # Errors
/// When the process is gone.
pub fn rss_peak_mib(pid: u32) -> Result<f64> {
    field_mib(pid, "VmHWM:")
}

/// The resident memory of process `pid` now, in MiB.
///
/// # Errors
/// When the process is gone.
pub fn rss_mib(pid: u32) -> Result<f64> {
    field_mib(pid, "VmRSS:")
}

/// The processor time that process `pid` has used, in all its threads.
///
/// # Errors
/// When the process is gone.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let ticks = ticks(&stat).with_context(|| format!("{path} holds no times: {stat}"))?;
    let second = sysconf(SysconfVar::CLK_TCK)?.context("a second has no number of ticks")?;
    #[expect(clippy::cast_precision_loss, reason = "few ticks")]
    let seconds = ticks as f64 / second as f64;
    Ok(Duration::from_secs_f64(seconds))
}

fn field_mib(pid: u32, field: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    mib(&status, field).with_context(|| format!("{path} has no {field} in kB"))
}

fn mib(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}

/// User and system time: the 14th and 15th field; the second is a name in brackets that may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_mib() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 512 kB\n";
        assert_eq!(mib(status, "VmHWM:"), Some(2.0));
        assert_eq!(mib(status, "VmRSS:"), Some(0.5));
        assert_eq!(mib("VmRSS:\t 5 kB\n", "VmHWM:"), None);
    }

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 5 6 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some(200));
        assert_eq!(ticks("7 (a) S"), None);
    }

    #[test]
    fn this_process_has_used_memory_and_time() {
        let begin = cpu_time(std::process::id()).unwrap();
        while cpu_time(std::process::id()).unwrap() == begin {
            std::hint::black_box((0..10_000_u64).sum::<u64>());
        }
        assert!(rss_peak_mib(std::process::id()).unwrap() >= 0.1);
    }
}
