//! The static release binaries of the workspace.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::static_target::{self, StaticTarget};
use crate::run::Cmd;
use crate::ui::Progress;
use crate::{digest, paths};

/// One static binary.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    /// Its name, which is its crate's as well.
    pub(crate) name: String,
    /// The version of its crate.
    pub(crate) version: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// SHA-256 of its bytes, in hex.
    pub(crate) digest: String,
}

impl Binary {
    /// The first 12 digits of the digest: the tag of its image.
    pub(crate) fn tag(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }
}

/// The part of `cargo metadata` that is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// Compiles the binaries `names`, each of the package of its name. Quick when nothing changed.
///
/// # Errors
/// When the compiler fails, or the machine can't make static Linux binaries.
pub(crate) fn compile(names: &[&str], no_install: bool) -> Result<Vec<Binary>> {
    names
        .iter()
        .map(|name| compile_program(name, name, no_install))
        .collect()
}

/// Compiles the binary `name` of `package`, on its own: compiled together with others, the features that they ask
/// of common dependencies would change the binary, and with it the tag of its image.
///
/// # Errors
/// As [`compile`].
pub(crate) fn compile_program(package: &str, name: &str, no_install: bool) -> Result<Binary> {
    let target = static_target::choose(no_install)?;
    let progress = Progress::new("images");
    progress.step(&format!("{name}: compiling"), || {
        cargo_build(&target, package, name)
    })?;
    let metadata = metadata()?;
    let folder = metadata.target_directory.join(&target.triple);
    let path = folder.join("release").join(name);
    Ok(Binary {
        name: name.to_owned(),
        version: metadata.version_of(package)?,
        digest: digest::of_file(&path)?,
        path,
    })
}

fn cargo_build(target: &StaticTarget, package: &str, name: &str) -> Result<()> {
    let mut cargo = Cmd::new("cargo")
        .args(["build", "--release", "--target", &target.triple])
        .args(["--package", package, "--bin", name])
        .dir(paths::repository());
    if let Some((name, value)) = &target.env {
        cargo = cargo.env(name, value);
    }
    cargo.run()
}

fn metadata() -> Result<Metadata> {
    let text = Cmd::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .dir(paths::repository())
        .read()?;
    serde_json::from_str(&text).context("reading the output of `cargo metadata`")
}

impl Metadata {
    fn version_of(&self, name: &str) -> Result<String> {
        let package = self.packages.iter().find(|package| package.name == name);
        Ok(package
            .with_context(|| format!("the workspace has no package {name}"))?
            .version
            .clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_the_beginning_of_the_digest() {
        let binary = Binary {
            name: "abc".into(),
            version: "1.0.0".into(),
            path: PathBuf::new(),
            digest: "ba7816bf8f01cfea414140de5dae2223".into(),
        };
        assert_eq!(binary.tag(), "ba7816bf8f01");
    }

    #[test]
    fn every_binary_with_an_image_is_a_package_of_the_workspace() {
        let metadata = metadata().unwrap();
        for name in super::super::WITH_IMAGE {
            assert!(metadata.version_of(name).is_ok(), "{name}");
        }
    }
}
