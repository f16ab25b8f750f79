//! From a static binary to the docker-archive of its image, by `Dockerfile.workspace`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Image;
use super::binaries::Binary;
use super::builder::Builder;
use crate::run::Cmd;
use crate::ui::Progress;
use crate::{artifacts, paths};

/// The image of `binary`: the archive of an earlier run when the binary is the same. A `variant` is a second
/// image of the same binary under another tag and version: what an update is tested with.
///
/// # Errors
/// When the image builder fails or a file can't be written.
pub(super) fn image(
    builder: Builder,
    progress: &Progress,
    binary: &Binary,
    variant: Option<&str>,
) -> Result<Image> {
    let suffix = variant
        .map(|variant| format!("-{variant}"))
        .unwrap_or_default();
    let folder = artifacts::folder()
        .join("images")
        .join(format!("{}{suffix}", binary.name));
    let tag = format!("{}{suffix}", binary.tag());
    let image = Image {
        name: binary.name.clone(),
        reference: format!("localhost/restapi/{}:{tag}", binary.name),
        archive: folder.join(format!("{tag}.tar")),
    };
    if !image.archive.is_file() {
        let version = format!("{}{suffix}", binary.version);
        progress.step(&format!("{}{suffix}: packing", binary.name), || {
            pack(builder, binary, &version, &image, &folder)
        })?;
    }
    Ok(image)
}

fn pack(
    builder: Builder,
    binary: &Binary,
    version: &str,
    image: &Image,
    folder: &Path,
) -> Result<()> {
    let context = folder.join("context");
    prepare_context(&binary.path, &context)?;
    // Only a complete archive ever has its final name.
    let unfinished = folder.join("unfinished.tar");
    remove_file(&unfinished)?;
    let arguments = arguments(&binary.name, version);
    builder.build(&context, &arguments, &image.reference, &unfinished)?;
    remove_archives(folder, &unfinished)?;
    fs::rename(&unfinished, &image.archive)
        .with_context(|| format!("writing {}", image.archive.display()))
}

/// The image's file system: the binary as `main`, executable by anyone, and an empty `tmp`, writable by anyone.
fn prepare_context(binary: &Path, context: &Path) -> Result<()> {
    if context.exists() {
        fs::remove_dir_all(context).with_context(|| format!("emptying {}", context.display()))?;
    }
    let tmp = context.join("tmp");
    fs::create_dir_all(&tmp).with_context(|| format!("creating {}", tmp.display()))?;
    fs::set_permissions(&tmp, fs::Permissions::from_mode(0o1777))?;
    let main = context.join("main");
    fs::copy(binary, &main)
        .with_context(|| format!("copying {} to {}", binary.display(), main.display()))?;
    fs::set_permissions(&main, fs::Permissions::from_mode(0o555))?;
    Ok(())
}

/// What every builder is told: which file, which stage, which labels.
fn arguments(name: &str, version: &str) -> Vec<String> {
    let dockerfile = paths::repository().join("Dockerfile.workspace");
    vec![
        format!("--file={}", dockerfile.display()),
        "--target=prebuilt".to_owned(),
        format!("--build-arg=BIN={name}"),
        format!("--build-arg=VERSION={version}"),
        format!("--build-arg=REVISION={}", revision()),
    ]
}

/// The commit that the working tree stands on, `unknown` outside of a repository.
fn revision() -> String {
    Cmd::new("git")
        .args(["rev-parse", "HEAD"])
        .dir(paths::repository())
        .read()
        .unwrap_or_else(|_| "unknown".to_owned())
}

/// Removes the archives of earlier binaries, but for `keep`.
fn remove_archives(folder: &Path, keep: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path != keep && path.extension().is_some_and(|extension| extension == "tar") {
            remove_file(&path)?;
        }
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn old_archives_go_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["unfinished.tar", "0123.tar", "4567.tar", "notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_archives(folder.path(), &folder.path().join("unfinished.tar")).unwrap();
        assert_eq!(names(folder.path()), ["notes.txt", "unfinished.tar"]);
    }

    #[test]
    fn the_context_holds_the_binary_and_tmp_alone() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("demo-app");
        fs::write(&binary, "binary").unwrap();
        let context = folder.path().join("context");
        fs::create_dir(&context).unwrap();
        fs::write(context.join("left-over"), "").unwrap();
        prepare_context(&binary, &context).unwrap();
        assert_eq!(names(&context), ["main", "tmp"]);
        let mode = |name: &str| {
            fs::metadata(context.join(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o7777
        };
        assert_eq!(mode("main"), 0o555);
        assert_eq!(mode("tmp"), 0o1777);
    }

    #[test]
    fn the_build_stage_uses_the_pinned_toolchain() {
        let root = paths::repository();
        let toolchain = fs::read_to_string(root.join("rust-toolchain.toml")).unwrap();
        let channel = toolchain
            .lines()
            .find_map(|line| line.strip_prefix("channel = "))
            .unwrap()
            .trim_matches('"');
        let dockerfile = fs::read_to_string(root.join("Dockerfile.workspace")).unwrap();
        assert!(
            dockerfile.contains(&format!("rust:{channel}-")),
            "Dockerfile.workspace doesn't name Rust {channel}, the version of rust-toolchain.toml"
        );
    }
}
