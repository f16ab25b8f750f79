//! The control groups of the nodes: one in every hierarchy, below which kubelet makes those of the
//! pods. Both versions of cgroups, and both at once, are handled.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::process::wait_until;
use super::procfs::{self, Mount, Pid};

/// How long the kernel may need to let go of a group whose processes have ended.
const RELEASE: Duration = Duration::from_secs(3);
/// The controllers of version 2 that kubelet needs.
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// Makes the node's group in every hierarchy, unless it is there.
///
/// # Errors
/// The kernel refuses.
pub(super) fn ensure(name: &str) -> Result<()> {
    let mounts = procfs::mounts()?;
    let first_version = hierarchies(&mounts, "cgroup");
    for root in &first_version {
        let group = root.join(name);
        make(&group)?;
        if root.join("cpuset.cpus").is_file() {
            fill_cpuset(root, &group)?;
        }
    }
    // With the first version there, the second has no controllers and kubelet doesn't use it.
    if first_version.is_empty() {
        for root in hierarchies(&mounts, "cgroup2") {
            let group = root.join(name);
            make(&group)?;
            enable_controllers(&root)?;
            enable_controllers(&group)?;
        }
    }
    Ok(())
}

/// The processes in the node's group and in all groups below it.
pub(super) fn processes(name: &str) -> Vec<Pid> {
    let mut found = Vec::new();
    for group in groups(name) {
        let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        found.extend(text.lines().filter_map(|line| line.parse::<Pid>().ok()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Removes the node's group and all groups below it; their processes must have been killed.
///
/// # Errors
/// A group is still busy after 3 s.
pub(super) fn remove(name: &str) -> Result<()> {
    let mut left = Vec::new();
    let gone = wait_until(RELEASE, || {
        left = groups(name);
        left.retain(|group| {
            fs::remove_dir(group).is_err_and(|error| error.kind() != ErrorKind::NotFound)
        });
        left.is_empty()
    });
    if !gone {
        bail!("the control groups {left:?} can't be removed: something runs in them");
    }
    Ok(())
}

/// All groups of the node in all hierarchies, each after those below it.
fn groups(name: &str) -> Vec<PathBuf> {
    let mounts = procfs::mounts().unwrap_or_default();
    let mut found = Vec::new();
    for kind in ["cgroup", "cgroup2"] {
        for root in hierarchies(&mounts, kind) {
            collect(&root.join(name), &mut found);
        }
    }
    found
}

fn collect(group: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(group) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), into);
        }
    }
    into.push(group.to_owned());
}

/// Where the hierarchies of a version are mounted, each once.
fn hierarchies(mounts: &[Mount], kind: &str) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    let mut roots = Vec::new();
    for mount in mounts.iter().filter(|mount| mount.kind == kind) {
        let visible = mount.point.starts_with("/sys/fs/cgroup");
        if visible && !seen.contains(&&mount.options) {
            seen.push(&mount.options);
            roots.push(mount.point.clone());
        }
    }
    roots
}

fn make(group: &Path) -> Result<()> {
    fs::create_dir_all(group).with_context(|| format!("can't make {}", group.display()))
}

/// A group of version 1 takes no process before it knows its processors and memory.
fn fill_cpuset(parent: &Path, group: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if fs::read_to_string(group.join(file))?.trim().is_empty() {
            fs::write(group.join(file), fs::read(parent.join(file))?)?;
        }
    }
    Ok(())
}

/// In version 2 a group's children have only the controllers that it hands down.
fn enable_controllers(group: &Path) -> Result<()> {
    let there = fs::read_to_string(group.join("cgroup.controllers"))?;
    let file = group.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&file)?;
    for controller in missing_controllers(&there, &enabled) {
        fs::write(&file, format!("+{controller}")).with_context(|| {
            format!(
                "can't enable the {controller} controller in {}",
                group.display()
            )
        })?;
    }
    Ok(())
}

/// Which of the needed controllers are there and not yet handed down.
fn missing_controllers(there: &str, enabled: &str) -> Vec<&'static str> {
    let holds = |list: &str, name: &str| list.split_whitespace().any(|word| word == name);
    CONTROLLERS
        .into_iter()
        .filter(|name| holds(there, name) && !holds(enabled, name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(point: &str, kind: &str, options: &str) -> Mount {
        Mount {
            point: point.into(),
            kind: kind.into(),
            options: options.into(),
        }
    }

    #[test]
    fn each_hierarchy_counts_once() {
        let mounts = [
            mount("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
            mount("/sys/fs/cgroup/cpu", "cgroup", "rw,cpu,cpuacct"),
            mount("/sys/fs/cgroup/pids", "cgroup", "rw,pids"),
            mount("/elsewhere/memory", "cgroup", "rw,memory"),
            mount("/sys/fs/cgroup/unified", "cgroup2", "rw"),
        ];
        let first: Vec<_> = hierarchies(&mounts, "cgroup");
        assert_eq!(
            first,
            ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/pids"].map(PathBuf::from)
        );
        assert_eq!(
            hierarchies(&mounts, "cgroup2"),
            [PathBuf::from("/sys/fs/cgroup/unified")]
        );
    }

    #[test]
    fn only_missing_controllers_are_enabled() {
        let found = missing_controllers("cpuset cpu memory pids hugetlb\n", "cpu memory\n");
        assert_eq!(found, ["cpuset", "pids"]);
    }

    #[test]
    fn groups_below_come_first() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        let mut found = Vec::new();
        collect(&folder.path().join("a"), &mut found);
        assert_eq!(found, [folder.path().join("a/b"), folder.path().join("a")]);
    }
}
