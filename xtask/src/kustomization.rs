//! Overlays that are made on the fly: a checked-in folder, plus images and patches known only now.
//!
//! Nothing that is checked in is edited. kustomize takes no absolute path, so an overlay lies below
//! the target folder and names the repository's folders relative to itself.

use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::artifacts;
use crate::run::Cmd;
use crate::tools::{self, Tool};

/// An image name in the resources, and the reference to put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The name as the resources have it, without a tag.
    pub(crate) name: String,
    /// `NAME:TAG`.
    pub(crate) reference: String,
}

/// What an overlay is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    /// Folders with a kustomization, or files in the overlay's own folder.
    pub(crate) resources: Vec<PathBuf>,
    /// Folders with a kustomization of the kind Component.
    pub(crate) components: Vec<PathBuf>,
    /// Images to replace.
    pub(crate) images: Vec<Replacement>,
    /// JSON patches (RFC 6902), each with the kind that it is for.
    pub(crate) patches: Vec<(String, serde_json::Value)>,
}

impl Overlay {
    /// The resources that the overlay makes, as YAML. `folder` is emptied and used for it; it must lie in the
    /// same file system as the resources.
    ///
    /// # Errors
    /// When the folder can't be written, or kustomize can't be had or fails.
    pub(crate) fn build(&self, folder: &Path) -> Result<String> {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        artifacts::write(&folder.join("kustomization.yaml"), &self.text(folder)?)?;
        build(folder)
    }

    fn text(&self, folder: &Path) -> Result<String> {
        let mut text =
            String::from("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
        text.push_str("resources:\n");
        for resource in &self.resources {
            let path = relative(folder, resource);
            writeln!(text, "  - {}", quoted(&path.to_string_lossy())?)?;
        }
        if !self.components.is_empty() {
            text.push_str("components:\n");
        }
        for component in &self.components {
            let path = relative(folder, component);
            writeln!(text, "  - {}", quoted(&path.to_string_lossy())?)?;
        }
        if !self.images.is_empty() {
            text.push_str("images:\n");
        }
        for image in &self.images {
            let (name, tag) = image
                .reference
                .rsplit_once(':')
                .with_context(|| format!("the image reference {} has no tag", image.reference))?;
            writeln!(text, "  - name: {}", quoted(&image.name)?)?;
            writeln!(text, "    newName: {}", quoted(name)?)?;
            writeln!(text, "    newTag: {}", quoted(tag)?)?;
        }
        if !self.patches.is_empty() {
            text.push_str("patches:\n");
        }
        for (kind, patch) in &self.patches {
            writeln!(text, "  - target: {{kind: {}}}", quoted(kind)?)?;
            // JSON is YAML, and a string of JSON inside YAML is one more JSON string.
            writeln!(text, "    patch: {}", quoted(&patch.to_string())?)?;
        }
        Ok(text)
    }
}

/// The resources of a folder with a kustomization, as YAML.
///
/// # Errors
/// When kustomize can't be had or fails.
pub(crate) fn build(folder: &Path) -> Result<String> {
    Cmd::new(tools::path(Tool::Kustomize)?)
        .arg("build")
        .arg(folder)
        .read()
}

fn quoted(text: &str) -> Result<String> {
    Ok(serde_json::to_string(text)?)
}

/// `path` as seen from `folder`; both absolute.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let from: Vec<Component<'_>> = folder.components().collect();
    let to: Vec<Component<'_>> = path.components().collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    std::iter::repeat_n(Component::ParentDir, from.len() - common)
        .chain(to.iter().skip(common).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_overlay() {
        let path = relative(
            Path::new("/r/target/deploy/x"),
            Path::new("/r/kustomize/overlays/local"),
        );
        assert_eq!(path, Path::new("../../../kustomize/overlays/local"));
        assert_eq!(
            relative(Path::new("/r/a"), Path::new("/r/a/file.yaml")),
            Path::new("file.yaml")
        );
    }

    #[test]
    fn the_text_is_what_kustomize_reads() {
        let overlay = Overlay {
            resources: vec!["/r/kustomize/all".into()],
            components: vec!["/r/kustomize/tracing".into()],
            images: vec![Replacement {
                name: "localhost:5000/x".into(),
                reference: "localhost:5000/x:0123".into(),
            }],
            patches: vec![(
                "RestAPI".into(),
                serde_json::json!([{"op": "replace", "path": "/spec/image", "value": "a:1"}]),
            )],
        };
        assert_eq!(
            overlay.text(Path::new("/r/target/x")).unwrap(),
            concat!(
                "apiVersion: kustomize.config.k8s.io/v1beta1\n",
                "kind: Kustomization\n",
                "resources:\n",
                "  - \"../../kustomize/all\"\n",
                "components:\n",
                "  - \"../../kustomize/tracing\"\n",
                "images:\n",
                "  - name: \"localhost:5000/x\"\n",
                "    newName: \"localhost:5000/x\"\n",
                "    newTag: \"0123\"\n",
                "patches:\n",
                "  - target: {kind: \"RestAPI\"}\n",
                "    patch: \"[{\\\"op\\\":\\\"replace\\\",\\\"path\\\":\\\"/spec/image\\\",\\\"value\\\":\\\"a:1\\\"}]\"\n",
            )
        );
    }

    #[test]
    fn a_reference_without_a_tag_is_refused() {
        let overlay = Overlay {
            images: vec![Replacement {
                name: "x".into(),
                reference: "x".into(),
            }],
            ..Overlay::default()
        };
        assert!(overlay.text(Path::new("/r")).is_err());
    }
}
