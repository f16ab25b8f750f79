//! Compaction: a new log with only what still counts, made beside the old one and put in its
//! place by one rename.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use super::frame::{self, Entry};
use super::index::Index;
use super::log::{self, ChangeError, Log, MAGIC};
use super::state::{SharedState, read_entry};
use super::{Limits, StoreError};

/// Entries per frame of a compacted log.
const BATCH: usize = 256;

/// Whether more than half of a log of some size is out of date.
pub(super) fn is_due(length: u64, live_bytes: u64, limits: &Limits) -> bool {
    length > limits.compact_above && length / 2 > live_bytes
}

/// Rewrites the log. Readers go on with the old file until the new one is in place.
pub(super) fn compact(
    log: &mut Log,
    shared: &SharedState,
    limits: &Limits,
) -> Result<(), ChangeError> {
    let (file, index, length) = rewrite(log, shared, limits).map_err(ChangeError::Undone)?;
    let file = Arc::new(file);
    log.replace(Arc::clone(&file), length);
    {
        let mut state = shared.lock();
        state.file = file;
        state.length = length;
        state.index = index;
    }
    // From the rename on the new log is the present one, synced or not.
    log::sync_directory(log.directory()).map_err(ChangeError::Unknown)
}

/// Writes what still counts to a new log and renames it into place.
fn rewrite(log: &Log, shared: &SharedState, limits: &Limits) -> io::Result<(File, Index, u64)> {
    let (places, deletions) = {
        let state = shared.lock();
        let places: Vec<_> = state.index.locations().collect();
        (places, state.index.deletions().collect::<Vec<_>>())
    };
    let file = log::begin_replacement(log.directory())?;
    let mut index = Index::new(limits.remembered_deletions);
    let mut length = MAGIC.len() as u64;
    {
        let mut writer = BufWriter::new(&file);
        let mut write = |entries: &[Entry]| -> io::Result<()> {
            let frame = frame::encode(entries, length)?;
            writer.write_all(&frame.bytes)?;
            length += frame.bytes.len() as u64;
            for (entry, location) in entries.iter().zip(frame.locations) {
                index.apply(entry, location);
            }
            Ok(())
        };
        // Deletions first, so that reading the log back meets them in an order that is harmless:
        // no id is ever used twice.
        for batch in deletions.chunks(BATCH) {
            write(batch)?;
        }
        for batch in places.chunks(BATCH) {
            let entries = batch
                .iter()
                .map(|place| read_entry(&log.file, *place))
                .collect::<Result<Vec<_>, StoreError>>()
                .map_err(io::Error::other)?;
            write(&entries)?;
        }
        writer.flush()?;
    }
    log::finish_replacement(log.directory(), &file)?;
    Ok((file, index, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_and_mostly_dead_logs_are_compacted() {
        let limits = Limits {
            compact_above: 100,
            ..Limits::default()
        };
        assert!(!is_due(100, 0, &limits), "small");
        assert!(!is_due(200, 100, &limits), "half alive");
        assert!(is_due(300, 100, &limits));
    }
}
