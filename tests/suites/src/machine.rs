//! What a local cluster could leave behind on the machine, to compare before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Settings of the kernel that the programs of a node change where they may.
const SETTINGS: [&str; 4] = ["net/ipv4", "net/bridge", "kernel", "vm"];

/// Settings that are no settings: counters, random numbers, addresses of the moment.
const MOVING: [&str; 7] = [
    "random/",
    "ns_last_pid",
    "pty/nr",
    "-seed",
    "stat",
    "_key",
    "route/flush",
];

/// Folders in which the programs of a node leave files outside the cluster's own folder.
const FOLDERS: [&str; 7] = [
    "/run",
    "/run/netns",
    "/run/containerd",
    "/var/lib",
    "/var/lib/cni/results",
    "/var/log/pods",
    "/var/log/containers",
];

/// A look at the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Network links, routes, rules, packet filter tables, and control groups near the root.
    network: BTreeMap<&'static str, BTreeSet<String>>,
    /// The kernel's settings.
    settings: BTreeMap<PathBuf, String>,
    mounts: BTreeSet<String>,
    /// Each with what it leads to, if it is a link.
    files: BTreeSet<String>,
}

impl Machine {
    /// As it is now.
    ///
    /// # Errors
    /// When something can't be read.
    pub fn now() -> Result<Self> {
        let mut network = BTreeMap::new();
        network.insert(
            "links",
            entries("/sys/class/net")?.iter().map(shown).collect(),
        );
        network.insert("routes", lines("ip", &["route", "show", "table", "all"])?);
        network.insert("rules", lines("ip", &["rule"])?);
        network.insert("tables", lines("nft", &["list", "tables"])?);
        network.insert("control groups", control_groups()?);
        let mut settings = BTreeMap::new();
        for folder in SETTINGS {
            read_settings(&Path::new("/proc/sys").join(folder), &mut settings);
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mounts = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(4))
            .map(Into::into);
        // Not every machine has every one of these folders.
        let files = FOLDERS
            .iter()
            .flat_map(|folder| entries(folder).unwrap_or_default());
        Ok(Self {
            network,
            settings,
            mounts: mounts.collect(),
            files: files.map(|path| led(&path)).collect(),
        })
    }

    /// What is there now and was not before, or the other way round, but for what is recognisably that of
    /// another local cluster than `ours`: those may come and go at the same time.
    #[must_use]
    pub fn changes_since(&self, before: &Self, ours: &LocalCluster) -> Vec<String> {
        let mut changes = Vec::new();
        for (what, now) in &self.network {
            let was = before.network.get(what).cloned().unwrap_or_default();
            changes.extend(
                now.difference(&was)
                    .map(|new| format!("{what}: new: {new}")),
            );
            changes.extend(
                was.difference(now)
                    .map(|gone| format!("{what}: gone: {gone}")),
            );
        }
        for (path, was) in &before.settings {
            // Those of a link that went are told by the link.
            if let Some(now) = self.settings.get(path).filter(|now| *now != was) {
                changes.push(format!("{}: was {was:?}, is {now:?}", path.display()));
            }
        }
        changes.extend(
            self.mounts
                .difference(&before.mounts)
                .map(|at| format!("mounted: {at}")),
        );
        changes.extend(
            self.files
                .difference(&before.files)
                .map(|file| format!("file: {file}")),
        );
        changes.retain(|change| !ours.is_of_another(change));
        changes
    }
}

/// A local cluster on this machine.
#[derive(Clone, Debug)]
pub struct LocalCluster {
    /// The folder of its files.
    pub folder: PathBuf,
    /// What the names of its links and control groups begin with.
    mark: String,
}

impl LocalCluster {
    /// The cluster whose files are in `folder`.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(folder: PathBuf) -> Result<Self> {
        let path = folder.join("cluster.json");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let record: serde_json::Value = serde_json::from_str(&text)?;
        let slot = record.get("slot").and_then(serde_json::Value::as_u64);
        let slot = slot.with_context(|| format!("no slot in {}", path.display()))?;
        Ok(Self {
            folder,
            mark: format!("ra{slot}"),
        })
    }

    /// The processes that have anything to do with it: started by it, in a control group of it, or with its
    /// folder in their arguments or surroundings.
    pub fn processes(&self) -> Result<Vec<(i32, String)>> {
        let (folder, group) = (shown(&self.folder), format!("/{}-", self.mark));
        let mut found = Vec::new();
        for path in entries("/proc")? {
            let Some(pid) = path
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok())
            else {
                continue;
            };
            // A process can end while it is looked at.
            let read = |file: &str| fs::read(path.join(file)).unwrap_or_default();
            let text = |file: &str| String::from_utf8_lossy(&read(file)).replace('\0', " ");
            let arguments = text("cmdline");
            // One that has ended, and that its parent has not yet taken note of, has no arguments.
            if arguments.is_empty() {
                continue;
            }
            let is_ours = arguments.contains(&folder)
                || text("environ").contains(&folder)
                || text("cgroup").contains(&group);
            if is_ours {
                found.push((pid, arguments));
            }
        }
        Ok(found)
    }

    /// Whether `text` names the folder, or a link or control group, of another local cluster.
    fn is_of_another(&self, text: &str) -> bool {
        let folder = shown(&self.folder);
        let clusters = self.folder.parent().map(shown).unwrap_or_default();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let mut marks = words.filter(|word| {
            let number = word.strip_prefix("ra").unwrap_or_default();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let in_other_folder = text.contains(&format!("{clusters}/")) && !text.contains(&folder);
        in_other_folder || marks.any(|word| word != self.mark)
    }
}

/// Kills all these processes (SIGKILL); one that has ended in the meantime is fine.
pub fn kill_all(processes: &[(i32, String)]) {
    for (pid, _) in processes {
        let _ended = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
}

/// The control groups of the first level of each hierarchy, and those of the unified one.
fn control_groups() -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for hierarchy in entries("/sys/fs/cgroup")?
        .into_iter()
        .filter(|path| path.is_dir())
    {
        let below = entries(&hierarchy)?
            .into_iter()
            .filter(|path| path.is_dir());
        all.extend(below.map(|path| shown(&path)));
        all.insert(shown(&hierarchy));
    }
    Ok(all)
}

fn read_settings(folder: &Path, into: &mut BTreeMap<PathBuf, String>) {
    // What can't be read, because it can only be written or has just gone, is no setting to compare.
    for path in entries(folder).unwrap_or_default() {
        if MOVING.iter().any(|moving| shown(&path).contains(moving)) {
            continue;
        }
        if path.is_dir() {
            read_settings(&path, into);
        } else if let Ok(value) = fs::read_to_string(&path) {
            into.insert(path, value);
        }
    }
}

fn entries(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let folder = folder.as_ref();
    let all = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    Ok(all.flatten().map(|entry| entry.path()).collect())
}

fn lines(program: &str, arguments: &[&str]) -> Result<BTreeSet<String>> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("starting {program}"))?;
    ensure!(
        output.status.success(),
        "{program} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect())
}

/// A path, and what it leads to.
fn led(path: &Path) -> String {
    fs::read_link(path).map_or_else(
        |_| shown(path),
        |to| format!("{} -> {}", shown(path), shown(to)),
    )
}

fn shown(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}
