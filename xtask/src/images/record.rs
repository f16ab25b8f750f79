//! `target/images.json`: which reference each image has since it was built last.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context, Result};

use super::Image;
use crate::artifacts;

/// Name of an image → its reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record(BTreeMap<String, String>);

impl Record {
    /// Reads the record; empty when no image was built yet.
    ///
    /// # Errors
    /// When the file can't be read or isn't what this module wrote.
    pub(crate) fn read() -> Result<Self> {
        let path = path();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self(serde_json::from_str(&text).with_context(|| {
                format!(
                    "{} is damaged: delete it and run `cargo xtask images`",
                    path.display()
                )
            })?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Notes the references of `images`; those of others stay.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub(crate) fn update(images: &[Image]) -> Result<()> {
        let mut record = Self::read().unwrap_or_default();
        for image in images {
            record.0.insert(image.name.clone(), image.reference.clone());
        }
        artifacts::write(&path(), &serde_json::to_string_pretty(&record.0)?)
    }

    /// The reference of the image `name`.
    ///
    /// # Errors
    /// When that image was not built yet.
    pub(crate) fn reference(&self, name: &str) -> Result<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .with_context(|| format!("no image of {name} was built yet: run `cargo xtask images`"))
    }
}

fn path() -> PathBuf {
    artifacts::folder().join("images.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_was_never_built_says_how_to_build_it() {
        let record = Record(BTreeMap::from([("a".into(), "localhost/a:1".into())]));
        assert_eq!(record.reference("a").unwrap(), "localhost/a:1");
        let error = record.reference("b").unwrap_err().to_string();
        assert!(error.contains("cargo xtask images"), "{error}");
    }
}
