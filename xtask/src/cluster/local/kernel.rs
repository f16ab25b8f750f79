//! Settings of the machine's kernel that every kubelet changes, whatever its configuration: they are noted
//! before the first one starts, and set back when the last cluster goes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::layout::Layout;
use crate::cluster::record;

/// The settings, below `/proc/sys`, and what kubelet sets them to.
const SETTINGS: &[(&str, &str)] = &[
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Where a cluster's folder keeps what the settings were before any cluster was up.
const FILE: &str = "kernel-settings.json";

type Values = BTreeMap<String, String>;

/// Notes the settings in the cluster's folder, unless that is done: as they are, or as another cluster noted
/// them before it changed them.
///
/// # Errors
/// A setting can't be read, or the note can't be written.
pub(super) fn remember(layout: &Layout) -> Result<()> {
    let file = layout.folder().join(FILE);
    let Some(clusters) = layout.folder().parent() else {
        return Ok(());
    };
    let _lock = record::lock(clusters)?;
    if file.exists() {
        return Ok(());
    }
    let values = match notes(clusters)?.first() {
        Some(other) => read_note(other)?,
        None => current()?,
    };
    fs::write(&file, serde_json::to_vec_pretty(&values)?)
        .with_context(|| format!("can't write {}", file.display()))
}

/// Sets back what kubelet changed, if no other cluster of this machine has a kubelet. A setting that has
/// another value than kubelet's by now is left: somebody else has set it.
///
/// # Errors
/// A setting can't be written.
pub(super) fn restore(layout: &Layout) -> Result<()> {
    let file = layout.folder().join(FILE);
    let Some(clusters) = layout.folder().parent() else {
        return Ok(());
    };
    if !file.exists() {
        return Ok(());
    }
    let _lock = record::lock(clusters)?;
    if notes(clusters)?.iter().all(|note| *note == file) {
        for (setting, value) in to_restore(&read_note(&file)?, &current()?) {
            let path = path(setting);
            fs::write(&path, value).with_context(|| format!("can't write {}", path.display()))?;
        }
    }
    Ok(())
}

/// The settings to write, with their values.
fn to_restore<'a>(noted: &'a Values, now: &Values) -> Vec<(&'a str, &'a str)> {
    let changed_by_kubelet = |setting: &str| {
        let kubelets = SETTINGS.iter().find(|(name, _)| *name == setting);
        kubelets.is_some_and(|(_, value)| now.get(setting).is_some_and(|now| now == value))
    };
    noted
        .iter()
        .filter(|(setting, value)| changed_by_kubelet(setting) && now.get(*setting) != Some(value))
        .map(|(setting, value)| (setting.as_str(), value.as_str()))
        .collect()
}

/// The settings that this kernel has.
fn current() -> Result<Values> {
    let mut values = Values::new();
    for (setting, _) in SETTINGS {
        let path = path(setting);
        if path.exists() {
            let value = fs::read_to_string(&path)
                .with_context(|| format!("can't read {}", path.display()))?;
            values.insert((*setting).to_owned(), value.trim().to_owned());
        }
    }
    Ok(values)
}

fn path(setting: &str) -> PathBuf {
    Path::new("/proc/sys").join(setting)
}

/// The notes of all clusters of this machine.
fn notes(clusters: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(clusters).with_context(|| format!("can't list {}", clusters.display()))?;
    let notes = entries.flatten().map(|entry| entry.path().join(FILE));
    Ok(notes.filter(|note| note.exists()).collect())
}

fn read_note(file: &Path) -> Result<Values> {
    let text = fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn only_what_kubelet_changed_is_set_back() {
        let noted = values(&[
            ("kernel/panic", "0"),
            ("kernel/panic_on_oops", "1"),
            ("vm/overcommit_memory", "0"),
        ]);
        let now = values(&[
            ("kernel/panic", "10"),
            ("kernel/panic_on_oops", "1"),
            ("vm/overcommit_memory", "2"),
        ]);
        assert_eq!(to_restore(&noted, &now), [("kernel/panic", "0")]);
    }

    #[test]
    fn a_later_cluster_takes_over_the_note_of_an_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] =
            ["first", "second"].map(|name| Layout::new(&folder.path().join(name)));
        for layout in [&first, &second] {
            fs::create_dir(layout.folder()).unwrap();
        }
        fs::write(first.folder().join(FILE), r#"{"kernel/panic": "77"}"#).unwrap();
        remember(&second).unwrap();
        let noted = read_note(&second.folder().join(FILE)).unwrap();
        assert_eq!(noted, values(&[("kernel/panic", "77")]));
    }
}
