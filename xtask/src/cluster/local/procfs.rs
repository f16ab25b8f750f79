//! What the kernel tells about processes and mounts, read from `/proc`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The number of a process.
pub(super) type Pid = i32;

/// A process as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// When it started, in clock ticks since the machine did.
    pub(super) start: u64,
    /// Whether it has ended and only waits to be reaped.
    pub(super) ended: bool,
}

/// The process of this number; none when there is none.
pub(super) fn stat(pid: Pid) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `PID (NAME) STATE PPID …`, where NAME can hold anything; the 22nd field is the start.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    Some(Stat {
        start,
        ended: matches!(state, "Z" | "X"),
    })
}

/// What is different after each start of the machine.
pub(super) fn boot_id() -> Result<String> {
    let file = "/proc/sys/kernel/random/boot_id";
    let text = fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
    Ok(text.trim().to_owned())
}

/// The numbers of all processes.
pub(super) fn processes() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// The living processes that were started with this variable in their environment.
pub(super) fn with_variable(name: &str, value: &Path) -> Vec<Pid> {
    let mut wanted = name.as_bytes().to_vec();
    wanted.push(b'=');
    wanted.extend_from_slice(value.as_os_str().as_bytes());
    let has = |pid: Pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted)
    };
    processes()
        .into_iter()
        .filter(|pid| has(*pid) && is_running(*pid))
        .collect()
}

/// Whether the process is there and has not ended.
pub(super) fn is_running(pid: Pid) -> bool {
    stat(pid).is_some_and(|stat| !stat.ended)
}

/// The name of a process's program, as the kernel keeps it (15 characters).
pub(super) fn program(pid: Pid) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()?
            .trim_end()
            .to_owned(),
    )
}

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where it is mounted.
    pub(super) point: PathBuf,
    /// Its type, such as `cgroup2`.
    pub(super) kind: String,
    /// The options of the file system itself, separated by commas.
    pub(super) options: String,
}

/// All mounts that this process sees, in the order in which they were made.
pub(super) fn mounts() -> Result<Vec<Mount>> {
    let file = "/proc/self/mountinfo";
    let text = fs::read(file).with_context(|| format!("can't read {file}"))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(parse_mount).collect())
}

/// `ID PARENT MAJ:MIN ROOT POINT OPTIONS [FIELD…] - TYPE SOURCE OPTIONS`.
fn parse_mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut right = right.split(' ');
    Some(Mount {
        point: unescape(left.split(' ').nth(4)?),
        kind: right.next()?.to_owned(),
        options: right.nth(1).unwrap_or_default().to_owned(),
    })
}

/// Undoes the kernel's `\040` for a space and the like.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let (b'\\', Some(code)) = (first, code) {
            bytes.push(code);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_confuse() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1";
        assert_eq!(
            parse_stat(text),
            Some(Stat {
                start: 98765,
                ended: false
            })
        );
        assert!(parse_stat(&text.replace(") S ", ") Z ")).unwrap().ended);
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn this_process_is_running() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(is_running(own) && processes().contains(&own));
        assert!(!is_running(i32::MAX));
        assert!(!boot_id().unwrap().is_empty());
    }

    #[test]
    fn mounts_are_parsed_and_unescaped() {
        let line = "36 35 98:0 / /mnt/a\\040b rw,noatime master:1 - cgroup cgroup rw,cpuset";
        let mount = parse_mount(line).unwrap();
        assert_eq!(mount.point, Path::new("/mnt/a b"));
        assert_eq!(
            (mount.kind.as_str(), mount.options.as_str()),
            ("cgroup", "rw,cpuset")
        );
        assert!(
            mounts()
                .unwrap()
                .iter()
                .any(|mount| mount.point == Path::new("/"))
        );
    }

    #[test]
    fn a_lone_backslash_stays() {
        assert_eq!(unescape("a\\"), Path::new("a\\"));
        assert_eq!(unescape("a\\134b"), Path::new("a\\b"));
    }
}
