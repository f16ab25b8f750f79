//! The images of the cluster's own pods, made from the built programs and kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::containerd;
use super::layout::Layout;
use super::plan::NodePlan;
use crate::archive;
use crate::paths;
use crate::tools::{self, Tool};

/// The programs that run in pods, and as which user.
const PROGRAMS: [(Tool, &str); 5] = [
    (Tool::Pause, "65535:65535"),
    (Tool::CoreDns, "0"),
    (Tool::MetricsServer, "65532:65532"),
    (Tool::LocalPathProvisioner, "65532:65532"),
    (Tool::VolumeHelper, "0"),
];

/// What the image of a program is called: its version is the tag.
///
/// # Errors
/// The version can't be read.
pub(super) fn reference(tool: Tool) -> Result<String> {
    Ok(format!("localhost/{}:{}", tool.name(), tool.version()?))
}

/// Makes the archives that the cache doesn't hold, and returns all of them.
///
/// # Errors
/// A program can't be built or an archive can't be written.
pub(super) fn archives() -> Result<Vec<PathBuf>> {
    PROGRAMS
        .iter()
        .map(|(tool, user)| archive(*tool, user))
        .collect()
}

/// The image of a program, and what it is called.
///
/// # Errors
/// The program can't be built or the archive can't be written.
pub(super) fn of_program(tool: Tool, user: &str) -> Result<(PathBuf, String)> {
    Ok((archive(tool, user)?, reference(tool)?))
}

/// The archive's name holds the program's folder in the cache, which changes with the program.
fn archive(tool: Tool, user: &str) -> Result<PathBuf> {
    let program = tools::path(tool)?;
    let origin = program.parent().and_then(Path::file_name);
    let origin = origin.context("a program has a folder")?.to_string_lossy();
    let folder = paths::cache()?.join("images");
    let file = folder.join(format!("{origin}.tar"));
    if file.is_file() {
        return Ok(file);
    }
    let _lock = tools::lock(&folder)?;
    // Another node may have made it while this one waited.
    if !file.is_file() {
        let reference = reference(tool)?;
        let image = archive::Image {
            program: &program,
            name: tool.name(),
            reference: &reference,
            user,
        };
        archive::write(&image, &file)?;
    }
    Ok(file)
}

/// Gives a node the cluster's own images and those that other nodes were given since.
///
/// # Errors
/// An archive can't be made or the node refuses it.
pub(super) fn ensure(layout: &Layout, node: NodePlan) -> Result<()> {
    for archive in archives()? {
        import_once(layout, node, &archive)?;
    }
    for archive in loaded(layout)? {
        import_once(layout, node, &archive)?;
    }
    Ok(())
}

/// Keeps an archive for nodes that come later, and gives it to these.
///
/// # Errors
/// The archive can't be read, or a node refuses it.
pub(super) fn load(
    layout: &Layout,
    nodes: &[NodePlan],
    archive: &Path,
    reference: &str,
) -> Result<()> {
    fs::create_dir_all(layout.images())?;
    let name: String = reference
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let kept = layout.images().join(format!("{name}.tar"));
    let unfinished = kept.with_extension("unfinished");
    fs::copy(archive, &unfinished)
        .and_then(|_| fs::rename(&unfinished, &kept))
        .with_context(|| format!("can't copy {} to {}", archive.display(), kept.display()))?;
    for node in nodes {
        containerd::import(layout, *node, &kept)?;
    }
    Ok(())
}

fn loaded(layout: &Layout) -> Result<Vec<PathBuf>> {
    if !layout.images().is_dir() {
        return Ok(Vec::new());
    }
    let mut archives: Vec<PathBuf> = fs::read_dir(layout.images())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    archives.retain(|file| file.extension().is_some_and(|extension| extension == "tar"));
    archives.sort();
    Ok(archives)
}

/// Importing takes a second for each image, so what a node has been given is noted. The note lies
/// with containerd's data and is lost together with it.
fn import_once(layout: &Layout, node: NodePlan, archive: &Path) -> Result<()> {
    let name = archive.file_stem().context("an archive has a name")?;
    let notes = layout.node(node).containerd_root().join("imported");
    let done = notes.join(name);
    if done.exists() {
        return Ok(());
    }
    containerd::import(layout, node, archive)?;
    fs::create_dir_all(&notes)?;
    Ok(fs::write(done, "")?)
}
