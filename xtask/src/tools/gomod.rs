//! Reading the Go modules under `tests/cluster`: the versions that they pin, and a digest over all
//! of a module's files that tells whether a cached program was made from them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Recipe;
use crate::{digest, paths};

/// The folder of the module that a program is made from.
pub(super) fn folder(recipe: &Recipe) -> PathBuf {
    paths::definitions().join(recipe.module)
}

/// The program's version, with its `v`: that of the module it comes from.
pub(super) fn version(recipe: &Recipe) -> Result<String> {
    let Some(required) = recipe.version_of else {
        return Ok("v1".to_owned());
    };
    let file = folder(recipe).join("go.mod");
    let text =
        fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
    required_version(&text, required)
        .with_context(|| format!("{} does not require {required}", file.display()))
}

/// The version that a `go.mod` requires of a module: both `require M V` and a line of a block.
fn required_version(go_mod: &str, module: &str) -> Option<String> {
    go_mod.lines().find_map(|line| {
        let line = line.trim();
        let mut words = line
            .strip_prefix("require ")
            .unwrap_or(line)
            .split_whitespace();
        let found = words.next() == Some(module);
        let version = words.next().filter(|version| version.starts_with('v'))?;
        found.then(|| version.to_owned())
    })
}

/// A digest, in 12 hexadecimal digits, over the recipe and the name and content of every file of
/// its module: with the same digest the same program is built.
pub(super) fn digest(recipe: &Recipe) -> Result<String> {
    let folder = folder(recipe);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("can't read {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut text = format!("{recipe:?} {}", std::env::consts::ARCH).into_bytes();
    for file in files.iter().filter(|file| file.is_file()) {
        let content = fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
        text.extend(name(file));
        text.extend(content.len().to_le_bytes());
        text.extend(content);
    }
    let mut digest = digest::of_bytes(text);
    digest.truncate(12);
    Ok(digest)
}

fn name(file: &Path) -> Vec<u8> {
    file.file_name()
        .unwrap_or_default()
        .as_encoded_bytes()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_lines_and_blocks() {
        let text = "module a\n\ntool example.org/x\n\nrequire example.org/x v1.2.3\n\nrequire (\n\
                    \texample.org/y v0.1.0 // indirect\n)\n\nreplace example.org/z => b v9.9.9\n";
        assert_eq!(
            required_version(text, "example.org/x").as_deref(),
            Some("v1.2.3")
        );
        assert_eq!(
            required_version(text, "example.org/y").as_deref(),
            Some("v0.1.0")
        );
        assert_eq!(required_version(text, "example.org/z"), None);
        assert_eq!(required_version(text, "example.org/none"), None);
    }

    #[test]
    fn the_digest_depends_on_the_recipe() {
        let kubelet = digest(&crate::tools::Tool::Kubelet.recipe()).unwrap();
        assert_eq!(kubelet.len(), 12);
        assert_eq!(
            kubelet,
            digest(&crate::tools::Tool::Kubelet.recipe()).unwrap()
        );
        assert_ne!(
            kubelet,
            digest(&crate::tools::Tool::Kubectl.recipe()).unwrap()
        );
    }
}
