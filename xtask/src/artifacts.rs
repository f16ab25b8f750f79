//! What the tasks make and remember between them: files below the repository's `target`.

use std::fs::{self, File};
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

/// Waits until no other process does `what`, and keeps others waiting until the result is dropped.
///
/// # Errors
/// When the lock's file can't be made.
pub(crate) fn lock(what: &str) -> Result<File> {
    let path = folder().join(format!("{what}.lock"));
    let doing = || format!("locking {}", path.display());
    fs::create_dir_all(folder()).with_context(doing)?;
    let file = File::create(&path).with_context(doing)?;
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
}
