//! Images of one static program, written as docker-archives without any image builder.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::digest;

/// The size of a tar archive's blocks, in bytes.
const BLOCK: usize = 512;

/// The image to write: one program on nothing, as the entry point.
#[derive(Clone, Debug)]
pub(crate) struct Image<'a> {
    /// The static program; it becomes `/NAME`.
    pub(crate) program: &'a Path,
    /// Its name inside the image.
    pub(crate) name: &'a str,
    /// What the image is called, with its tag.
    pub(crate) reference: &'a str,
    /// The user that it runs as unless the pod says otherwise: `UID` or `UID:GID`.
    pub(crate) user: &'a str,
}

/// Writes the image to `file`, which appears only when all of it is there. The same image gives
/// the same bytes.
///
/// # Errors
/// The program can't be read or the file can't be written.
pub(crate) fn write(image: &Image<'_>, file: &Path) -> Result<()> {
    let unfinished = file.with_extension("unfinished");
    write_to(image, &unfinished)
        .and_then(|()| Ok(fs::rename(&unfinished, file)?))
        .with_context(|| format!("can't write the image {}", file.display()))
}

fn write_to(image: &Image<'_>, file: &Path) -> Result<()> {
    let mut layer = Vec::new();
    let content = fs::read(image.program)
        .with_context(|| format!("can't read {}", image.program.display()))?;
    entry(&mut layer, image.name, &content, 0o755)?;
    end(&mut layer)?;
    let config = serde_json::to_vec(&json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [format!("/{}", image.name)], "User": image.user},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", digest::of_bytes(&layer))]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": image.name}],
    }))?;
    let config_name = format!("{}.json", digest::of_bytes(&config));
    let manifest = serde_json::to_vec(&json!([{
        "Config": config_name,
        "RepoTags": [image.reference],
        "Layers": ["layer.tar"],
    }]))?;
    let mut out = BufWriter::new(File::create(file)?);
    entry(&mut out, "manifest.json", &manifest, 0o644)?;
    entry(&mut out, &config_name, &config, 0o644)?;
    entry(&mut out, "layer.tar", &layer, 0o644)?;
    end(&mut out)?;
    Ok(out.into_inner()?.sync_all()?)
}

/// The machine's architecture as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// One file of a tar archive: its header and its content, each filled up to whole blocks.
fn entry(out: &mut impl Write, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
    out.write_all(&header(name, content.len(), mode)?)?;
    out.write_all(content)?;
    let padding = content.len().next_multiple_of(BLOCK) - content.len();
    io::copy(&mut io::repeat(0).take(padding as u64), out).map(drop)
}

/// A tar archive ends with two empty blocks.
fn end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// The header of a regular file in the ustar format, owned by root, from the beginning of time.
fn header(name: &str, size: usize, mode: u32) -> io::Result<Vec<u8>> {
    if name.len() > 100 {
        return Err(io::Error::other(format!(
            "{name}: a name in an archive has at most 100 bytes"
        )));
    }
    let checked = |sum: &str| {
        let fields: [(&str, usize); 11] = [
            (name, 100),
            (&format!("{mode:07o}"), 8),
            ("0000000", 8),
            ("0000000", 8),
            (&format!("{size:011o}"), 12),
            ("00000000000", 12),
            (sum, 8),
            ("0", 1),
            ("", 100),
            ("ustar", 6),
            ("00", 2),
        ];
        let mut block = Vec::with_capacity(BLOCK);
        for (text, width) in fields {
            let end = block.len() + width;
            block.extend_from_slice(text.as_bytes());
            block.resize(end, 0);
        }
        block.resize(BLOCK, 0);
        block
    };
    // The checksum is taken with its own field as spaces.
    let sum: u32 = checked("        ")
        .iter()
        .map(|byte| u32::from(*byte))
        .sum();
    Ok(checked(&format!("{sum:06o}\0 ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Cmd;

    fn written(folder: &Path) -> std::path::PathBuf {
        let program = folder.join("program");
        fs::write(&program, b"#!content of an odd length").unwrap();
        let file = folder.join("image.tar");
        let (name, reference) = ("tool", "localhost/tool:1");
        write(
            &Image {
                program: &program,
                name,
                reference,
                user: "65532",
            },
            &file,
        )
        .unwrap();
        file
    }

    #[test]
    fn tar_reads_the_archive_and_its_layer() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(folder.path());
        Cmd::new("tar")
            .arg("-xf")
            .arg(&file)
            .dir(folder.path())
            .run()
            .unwrap();
        let manifest = fs::read(folder.path().join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest[0]["RepoTags"][0], "localhost/tool:1");
        let config = fs::read(folder.path().join(manifest[0]["Config"].as_str().unwrap())).unwrap();
        let layer = fs::read(folder.path().join("layer.tar")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let diff = config["rootfs"]["diff_ids"][0].as_str().unwrap();
        assert_eq!(diff, format!("sha256:{}", digest::of_bytes(&layer)));
        let listed = Cmd::new("tar")
            .args(["-tvf", "layer.tar"])
            .dir(folder.path())
            .read()
            .unwrap();
        assert!(
            listed.starts_with("-rwxr-xr-x 0/0") && listed.ends_with("tool"),
            "{listed}"
        );
    }

    #[test]
    fn the_same_image_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let first = fs::read(written(folder.path())).unwrap();
        assert_eq!(first, fs::read(written(folder.path())).unwrap());
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        assert!(header(&"a".repeat(101), 0, 0o644).is_err());
    }
}
