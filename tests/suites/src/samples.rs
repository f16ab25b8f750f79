//! The samples in `deploy/samples`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::env;

/// A file of the folder.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its name, with its ending.
    pub file: String,
    /// What it holds.
    pub text: String,
}

impl Sample {
    /// The `RestAPI` that it describes.
    ///
    /// # Errors
    /// When it is no YAML.
    pub fn object(&self) -> Result<Value> {
        serde_saphyr::from_str(&self.text).with_context(|| self.file.clone())
    }
}

/// All samples, by their names.
///
/// # Errors
/// When the folder or a file of it can't be read.
pub fn all() -> Result<Vec<Sample>> {
    let folder = env::repository()?.join("deploy/samples");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .map(|file| Ok(file?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    files.iter().map(read).collect()
}

fn read(path: &PathBuf) -> Result<Sample> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let file = path.file_name().unwrap_or_default();
    Ok(Sample {
        file: file.to_string_lossy().into_owned(),
        text,
    })
}
