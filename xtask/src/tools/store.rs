//! The cache of built programs: `CACHE/tools/NAME-VERSION-DIGEST/NAME`, with the program's SHA-256
//! beside it. A folder appears under its final name only when all of it is there, so that a build
//! that was killed leaves nothing that a later run trusts.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Tool, build, gomod};
use crate::{digest, paths};

/// The folder of a program's data, beside the program.
pub(super) const DATA: &str = "data";
/// What a folder's name begins with until all of it is there.
const UNFINISHED: &str = ".unfinished-";

/// Whether the cache holds the program, finished.
pub(super) fn is_cached(tool: Tool) -> Result<bool> {
    Ok(location(tool)?.is_file())
}

/// The program's path: from the cache when its digest is right, else built.
pub(super) fn ensure(tool: Tool) -> Result<PathBuf> {
    let program = location(tool)?;
    if !program.is_file() {
        let _lock = lock(&tools_folder()?)?;
        // Another process may have built it while this one waited for the lock.
        if !program.is_file() {
            make(tool, &program)?;
        }
    }
    verify(&program)?;
    Ok(program)
}

fn tools_folder() -> Result<PathBuf> {
    Ok(paths::cache()?.join("tools"))
}

fn location(tool: Tool) -> Result<PathBuf> {
    let recipe = tool.recipe();
    let version = gomod::version(&recipe)?;
    let folder = format!("{}-{version}-{}", recipe.name, gomod::digest(&recipe)?);
    Ok(tools_folder()?.join(folder).join(recipe.name))
}

/// Waits until no other process builds, and keeps others from building while the file lives.
pub(super) fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    let path = folder.join(".lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("can't open {}", path.display()))?;
    file.lock()
        .with_context(|| format!("can't lock {}", path.display()))?;
    Ok(file)
}

/// Builds the program in an unfinished folder, and gives the folder its name at the end.
fn make(tool: Tool, program: &Path) -> Result<()> {
    let tools = tools_folder()?;
    clear_unfinished(&tools)?;
    let recipe = tool.recipe();
    // A build that was killed may have a compiler left that still writes: it has another folder.
    let folder = tools.join(format!(
        "{UNFINISHED}{}-{}",
        recipe.name,
        std::process::id()
    ));
    fs::create_dir_all(&folder)?;
    let log = tools.join(format!("{}.build.log", recipe.name));
    if log.exists() {
        fs::remove_file(&log)?;
    }
    let built = build::build(&recipe, &folder, &log)?;
    File::open(&built)?.sync_all()?;
    fs::write(digest_file(&built), digest::of_file(&built)? + "\n")?;
    let finished = program.parent().context("a program has a folder")?;
    if finished.exists() {
        fs::remove_dir_all(finished)?;
    }
    fs::rename(&folder, finished)?;
    fs::remove_file(&log)?;
    Ok(())
}

/// Only the holder of the lock builds, so every unfinished folder is one that was given up.
fn clear_unfinished(tools: &Path) -> Result<()> {
    for entry in fs::read_dir(tools)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Compares the program with the digest that was recorded when it was built. Reading a hundred
/// megabytes each time would take a second, so the file's identity is kept once it was found right.
fn verify(program: &Path) -> Result<()> {
    let identity = identity(program)?;
    let seen = program.with_extension("verified");
    if fs::read_to_string(&seen).is_ok_and(|text| text == identity) {
        return Ok(());
    }
    let expected = fs::read_to_string(digest_file(program)).unwrap_or_default();
    if digest::of_file(program)? != expected.trim() {
        let folder = program.parent().unwrap_or(program);
        bail!(
            "{} is not what was built (its SHA-256 differs from the recorded one): remove {} and \
             run this again",
            program.display(),
            folder.display()
        );
    }
    fs::write(&seen, identity).with_context(|| format!("can't write {}", seen.display()))
}

fn digest_file(program: &Path) -> PathBuf {
    program.with_extension("sha256")
}

/// What changes when a file is written or replaced.
fn identity(file: &Path) -> Result<String> {
    let facts = fs::metadata(file).with_context(|| format!("can't read {}", file.display()))?;
    let (inode, size) = (facts.ino(), facts.len());
    Ok(format!(
        "{inode} {size} {}.{:09} {}.{:09}",
        facts.mtime(),
        facts.mtime_nsec(),
        facts.ctime(),
        facts.ctime_nsec()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, content: &str) -> PathBuf {
        let program = folder.join("tool");
        fs::write(&program, content).unwrap();
        program
    }

    #[test]
    fn a_program_without_its_digest_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), "one");
        assert!(verify(&program).is_err());
    }

    #[test]
    fn a_program_that_was_changed_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let tool = program(folder.path(), "one");
        fs::write(digest_file(&tool), digest::of_file(&tool).unwrap()).unwrap();
        verify(&tool).unwrap();
        fs::remove_file(&tool).unwrap();
        program(folder.path(), "two");
        let error = verify(&tool).unwrap_err().to_string();
        assert!(
            error.contains("SHA-256") && error.contains("remove"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_was_verified_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let tool = program(folder.path(), "one");
        fs::write(digest_file(&tool), digest::of_file(&tool).unwrap()).unwrap();
        verify(&tool).unwrap();
        fs::remove_file(digest_file(&tool)).unwrap();
        verify(&tool).unwrap();
    }

    #[test]
    fn what_was_left_unfinished_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".unfinished-etcd")).unwrap();
        fs::create_dir(folder.path().join("etcd-v1-abc")).unwrap();
        clear_unfinished(folder.path()).unwrap();
        assert!(!folder.path().join(".unfinished-etcd").exists());
        assert!(folder.path().join("etcd-v1-abc").exists());
    }
}
