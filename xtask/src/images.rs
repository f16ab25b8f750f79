//! `cargo xtask images`: a static binary per image, packed by `Dockerfile.workspace`, on every node.
//!
//! An image's tag is the digest of its binary: the same binary is the same image, built once and
//! loaded once, and another binary is another tag, so that a rollout really happens.

pub(crate) mod binaries;
mod builder;
mod pack;
pub(crate) mod record;
mod static_target;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::artifacts;
use crate::cluster::Target;
use crate::ui::Progress;

use builder::Builder;
pub(crate) use record::Record;

/// The binaries of the workspace that have an image.
pub(crate) const WITH_IMAGE: &[&str] = &["core-reconciler", "bluegreen-manager", "demo-app"];

/// Arguments of `cargo xtask images`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only the image of this binary; may be given more than once. All when absent.
    #[arg(long, value_name = "BINARY")]
    pub(crate) only: Vec<String>,

    /// Push to a registry as PREFIX/NAME:TAG instead of loading into nodes: for a cluster that pulls its images.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) push: Option<String>,

    /// Install nothing: where something is missing, print the commands and end with code 2.
    #[arg(long)]
    pub(crate) no_install: bool,
}

/// One image, built.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The binary in it, and the name that the image goes by in `target/images.json`.
    pub(crate) name: String,
    /// What a pod names it by: `localhost/restapi/NAME:TAG`.
    pub(crate) reference: String,
    /// The docker-archive that holds it.
    pub(crate) archive: PathBuf,
}

/// Builds the images, and loads into every node of `target` what isn't there yet, or pushes them.
///
/// # Errors
/// When a name has no image, the compiler or the image builder fails, or a node or registry refuses an image.
pub(crate) fn run(target: &Target, args: &Args) -> Result<()> {
    let mut images = build(&selected(&args.only)?, args.no_install)?;
    match &args.push {
        Some(prefix) => images = push(images, prefix, args.no_install)?,
        None => load(target, &images)?,
    }
    Record::update(&images)?;
    for image in &images {
        println!("{:20} {}", image.name, image.reference);
    }
    Ok(())
}

/// Compiles `names` and packs what changed.
///
/// # Errors
/// When the compiler or the image builder fails, or a file can't be written.
pub(crate) fn build(names: &[&str], no_install: bool) -> Result<Vec<Image>> {
    pack_all(names, None, no_install)
}

/// Second images of the binaries `names`, whose tags end in `-VARIANT`; not noted in `target/images.json`.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_variant(names: &[&str], variant: &str, no_install: bool) -> Result<Vec<Image>> {
    pack_all(names, Some(variant), no_install)
}

fn pack_all(names: &[&str], variant: Option<&str>, no_install: bool) -> Result<Vec<Image>> {
    let _lock = artifacts::lock("images")?;
    let builder = Builder::choose(no_install)?;
    let binaries = binaries::compile(names, no_install)?;
    let progress = Progress::new("images");
    binaries
        .iter()
        .map(|binary| pack::image(builder, &progress, binary, variant))
        .collect()
}

/// Pushes each image as `PREFIX/NAME:TAG`, and returns them under these references.
fn push(images: Vec<Image>, prefix: &str, no_install: bool) -> Result<Vec<Image>> {
    let builder = Builder::choose(no_install)?;
    let progress = Progress::with_total("images", images.len());
    images
        .into_iter()
        .map(|image| {
            let reference = image.under(prefix)?;
            progress.step(&format!("{}: pushing", image.name), || {
                builder.push(&image, &reference)
            })?;
            Ok(Image { reference, ..image })
        })
        .collect()
}

impl Image {
    /// The reference of this image below `prefix`, with the same tag.
    fn under(&self, prefix: &str) -> Result<String> {
        let (_, tag) = self
            .reference
            .rsplit_once(':')
            .with_context(|| format!("{} has no tag", self.reference))?;
        Ok(format!(
            "{}/{}:{tag}",
            prefix.trim_end_matches('/'),
            self.name
        ))
    }
}

/// Loads into every node of `target` those of `images` that it hasn't got.
///
/// # Errors
/// When the cluster can't be reached or refuses the image.
pub(crate) fn load(target: &Target, images: &[Image]) -> Result<()> {
    let progress = Progress::new("images");
    for image in images {
        if !target.has_image(&image.reference)? {
            progress.step(&format!("{}: loading", image.name), || {
                target.load_image(&image.archive, &image.reference)
            })?;
        }
    }
    Ok(())
}

fn selected(only: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !WITH_IMAGE.contains(&name.as_str()))
    {
        bail!(
            "no image is made of {unknown}: choose from {}",
            WITH_IMAGE.join(", ")
        );
    }
    Ok(WITH_IMAGE
        .iter()
        .copied()
        .filter(|name| only.is_empty() || only.iter().any(|wanted| wanted == name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_images_are_built_unless_some_are_named() {
        assert_eq!(selected(&[]).unwrap(), WITH_IMAGE);
        assert_eq!(selected(&["demo-app".into()]).unwrap(), ["demo-app"]);
    }

    #[test]
    fn a_pushed_image_keeps_its_name_and_tag() {
        let image = Image {
            name: "demo-app".into(),
            reference: "localhost/restapi/demo-app:0123".into(),
            archive: PathBuf::new(),
        };
        assert_eq!(
            image.under("registry.test:5000/team/").unwrap(),
            "registry.test:5000/team/demo-app:0123"
        );
    }

    #[test]
    fn a_name_without_an_image_is_refused_with_the_choice() {
        let error = selected(&["xtask".into()]).unwrap_err().to_string();
        assert!(
            error.contains("xtask") && error.contains("core-reconciler"),
            "{error}"
        );
    }
}
