//! The log's file: making, opening, locking, recovering, appending.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::Cache;
use super::frame::{self, Next};
use super::index::Index;
use super::state::State;
use super::{Limits, OpenError};

/// First bytes of every log: what it is, and the version of its format.
pub(super) const MAGIC: &[u8] = b"restapi-demo-orders 1\n";
const LOG: &str = "orders.log";
const LOCK: &str = "orders.lock";
const UNFINISHED: &str = "orders.log.new";

/// The writer's end of the log.
#[derive(Debug)]
pub(super) struct Log {
    directory: PathBuf,
    pub(super) file: Arc<File>,
    /// Bytes that are written and synced; nothing counts beyond.
    pub(super) length: u64,
    /// Held as long as the store is open.
    _lock: File,
}

/// A log, and what it holds.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) log: Log,
    pub(super) state: State,
}

/// Opens or makes the log in `directory` and reads it.
pub(super) fn open(directory: &Path, limits: &Limits) -> Result<Opened, OpenError> {
    let failed = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { what, path, source }
    };
    fs::create_dir_all(directory).map_err(failed("make", directory))?;
    let lock = lock(directory)?;
    let path = directory.join(LOG);
    if !path.exists() {
        let file = begin_replacement(directory).map_err(failed("make", &path))?;
        finish_replacement(directory, &file)
            .and_then(|()| sync_directory(directory))
            .map_err(failed("make", &path))?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    let (index, length) = recover(&mut file, &path, limits)?;
    let file = Arc::new(file);
    let cache = Cache::new(limits.cached_orders);
    let state = State {
        file: Arc::clone(&file),
        length,
        index,
        cache,
    };
    Ok(Opened {
        log: Log {
            directory: directory.to_owned(),
            file,
            length,
            _lock: lock,
        },
        state,
    })
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let io_error = |source| OpenError::Io {
        what: "lock",
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error(source)),
    }
}

/// Reads the log from its start; cuts an unfinished last write off.
fn recover(file: &mut File, path: &Path, limits: &Limits) -> Result<(Index, u64), OpenError> {
    let io_error = |source| OpenError::Io {
        what: "read",
        path: path.to_owned(),
        source,
    };
    let damaged = |offset, what| OpenError::Damaged {
        path: path.to_owned(),
        offset,
        what,
    };
    let size = file.metadata().map_err(io_error)?.len();
    let mut reader = BufReader::with_capacity(64 * 1024, &mut *file);
    let mut magic = [0; MAGIC.len()];
    if size < MAGIC.len() as u64 {
        return Err(damaged(0, "it is no log of orders"));
    }
    reader.read_exact(&mut magic).map_err(io_error)?;
    if magic != MAGIC {
        return Err(damaged(0, "it is no log of orders, or of another version"));
    }
    let mut index = Index::new(limits.remembered_deletions);
    let mut offset = MAGIC.len() as u64;
    loop {
        match frame::read(&mut reader, offset, size - offset).map_err(io_error)? {
            Next::Frame(entries, length) => {
                for (location, entry) in &entries {
                    index.apply(entry, *location);
                }
                offset += length;
            }
            Next::End => return Ok((index, offset)),
            Next::Torn => {
                tracing::warn!(bytes = size - offset, "cut an unfinished write off the log");
                drop(reader);
                file.set_len(offset)
                    .and_then(|()| file.sync_all())
                    .map_err(io_error)?;
                return Ok((index, offset));
            }
            Next::Damaged(what) => return Err(damaged(offset, what)),
        }
    }
}

/// Starts a new log beside the present one.
pub(super) fn begin_replacement(directory: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(directory.join(UNFINISHED))?;
    file.write_all(MAGIC)?;
    Ok(file)
}

/// Makes the new log the present one, all or nothing. On an error the old one still is.
pub(super) fn finish_replacement(directory: &Path, file: &File) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(directory.join(UNFINISHED), directory.join(LOG))
}

/// Makes sure that a finished replacement outlives a power cut.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// How a change of the log ended when it did not succeed.
#[derive(Debug)]
pub(super) enum ChangeError {
    /// Nothing was changed; a later append may succeed.
    Undone(io::Error),
    /// Nobody knows what is on disk.
    Unknown(io::Error),
}

impl Log {
    /// Appends and syncs. A write that fails (a full disk) is taken back.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), ChangeError> {
        let mut file: &File = &self.file;
        let written = file
            .seek(SeekFrom::Start(self.length))
            .and_then(|_| file.write_all(bytes));
        if let Err(error) = written {
            return Err(match file.set_len(self.length) {
                Ok(()) => ChangeError::Undone(error),
                Err(_) => ChangeError::Unknown(error),
            });
        }
        // After a failed sync the kernel may have dropped the pages and report success next
        // time: nothing after it can be trusted.
        file.sync_data().map_err(ChangeError::Unknown)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Where the log lies.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Goes on with another file, which has become the present log.
    pub(super) fn replace(&mut self, file: Arc<File>, length: u64) {
        self.file = file;
        self.length = length;
    }
}
