//! Which of the machine's clusters one is: each has a slot of its own.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::layout::Layout;
use super::network;
use super::plan::{Plan, SLOTS};
use super::wanted::Wanted;
use crate::cluster::DEFAULT_NAME;
use crate::cluster::record::{self, Backend, Record};

/// Gives a new cluster its slot and writes its record, so that nobody else takes the slot. The
/// default cluster always has slot 0; others have the first that is free.
///
/// # Errors
/// No slot is free, or something else on this machine has the addresses of slot 0.
pub(super) fn claim(name: &str, layout: &Layout, wanted: &Wanted) -> Result<Record> {
    let folder = layout.folder();
    let clusters = folder
        .parent()
        .context("a cluster's folder lies in that of all clusters")?;
    let _lock = record::lock(clusters)?;
    let slot = choose(name, layout, clusters).inspect_err(|_| {
        // Only an empty folder goes; where it isn't, there is something for `down` to do.
        drop(fs::remove_dir(folder));
        drop(fs::remove_dir(clusters));
    })?;
    let record = wanted.record(slot);
    record.write(folder)?;
    Ok(record)
}

fn choose(name: &str, layout: &Layout, clusters: &Path) -> Result<u8> {
    let free = |slot: u8| network::conflict(layout, Plan::new(slot));
    if name == DEFAULT_NAME {
        default(free)
    } else {
        other(&taken(clusters)?, free)
    }
}

fn default(conflict: impl Fn(u8) -> Result<Option<String>>) -> Result<u8> {
    match conflict(0)? {
        None => Ok(0),
        Some(reason) => bail!(reason),
    }
}

fn other(taken: &HashSet<u8>, conflict: impl Fn(u8) -> Result<Option<String>>) -> Result<u8> {
    let mut reasons = Vec::new();
    for slot in (1..SLOTS).filter(|slot| !taken.contains(slot)) {
        match conflict(slot)? {
            None => return Ok(slot),
            Some(reason) => reasons.push(reason),
        }
    }
    bail!(
        "no place is left for another cluster ({} are there): `cargo xtask down --name NAME` makes \
         one. {}",
        taken.len(),
        reasons.join("; ")
    )
}

/// The slots of the clusters that are there.
fn taken(clusters: &Path) -> Result<HashSet<u8>> {
    let mut taken = HashSet::new();
    for entry in fs::read_dir(clusters)? {
        // A damaged record is no reason not to make another cluster: its links show its slot.
        if let Ok(Some(record)) = Record::read(&entry?.path())
            && record.backend == Backend::Local
        {
            taken.insert(record.slot);
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_get_the_first_free_slot_without_a_conflict() {
        let conflict = |slot: u8| Ok((slot == 3).then(|| "a route".to_owned()));
        assert_eq!(other(&HashSet::from([0]), conflict).unwrap(), 1);
        assert_eq!(other(&HashSet::from([0, 1, 2]), conflict).unwrap(), 4);
    }

    #[test]
    fn without_a_free_slot_the_reasons_are_told() {
        let error = other(&(1..15).collect(), |_| Ok(Some("a route".into()))).unwrap_err();
        assert!(error.to_string().ends_with("a route"), "{error}");
    }

    #[test]
    fn the_default_cluster_takes_slot_0_or_fails() {
        assert_eq!(default(|_| Ok(None)).unwrap(), 0);
        assert!(default(|_| Ok(Some("a foreign bridge".into()))).is_err());
    }

    #[test]
    fn the_slots_of_local_clusters_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        for (name, backend, slot) in [
            ("a", Backend::Local, 2),
            ("b", Backend::Kind, 5),
            ("c", Backend::Local, 4),
        ] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            Record {
                slot,
                ..Record::foreign(backend, 1, None)
            }
            .write(&path)
            .unwrap();
        }
        assert_eq!(taken(folder.path()).unwrap(), HashSet::from([2, 4]));
    }
}
