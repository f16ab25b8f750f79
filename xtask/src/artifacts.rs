//! What the tasks make and remember between them: files below the repository's `target`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::paths;

/// The folder that holds them; not created here.
pub(crate) fn folder() -> PathBuf {
    paths::repository().join("target")
}

/// Writes a file, and its folder if need be, so that a reader sees the old content or the new, never a part.
///
/// # Errors
/// When the file can't be written.
pub(crate) fn write(path: &Path, content: &str) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(doing)?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    fs::write(&unfinished, content).with_context(doing)?;
    fs::rename(&unfinished, path).with_context(doing)
}

/// Waits until no other process holds the lock `what`, and keeps others waiting until the result is dropped.
///
/// # Errors
/// When the lock's file can't be made.
pub(crate) fn lock(what: &str) -> Result<File> {
    lock_file(&folder().join(format!("locks/{what}")))
}

fn lock_file(path: &Path) -> Result<File> {
    let doing = || format!("locking {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(doing)?;
    }
    let file = File::create(path).with_context(doing)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error).with_context(doing),
    }
    eprintln!("waiting for another process to release {}", path.display());
    file.lock().with_context(doing)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file.json");
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_is_held_by_one_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/one");
        let held = lock_file(&path).unwrap();
        assert!(matches!(
            File::open(&path).unwrap().try_lock(),
            Err(TryLockError::WouldBlock)
        ));
        drop(held);
        lock_file(&path).unwrap();
    }
}
