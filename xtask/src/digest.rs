//! SHA-256 in hexadecimal.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, copy};
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The digest of a file, read in pieces.
///
/// # Errors
/// When the file can't be read.
pub(crate) fn of_file(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    of(file).with_context(|| format!("reading {}", path.display()))
}

/// The digest of what is in memory.
pub(crate) fn of_bytes(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

fn of(mut content: impl Read) -> Result<String> {
    let mut hash = Writer(Sha256::new());
    copy(&mut content, &mut hash)?;
    Ok(hex(&hash.0.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

struct Writer(Sha256);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha256() {
        assert_eq!(
            of("abc".as_bytes()).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn bytes_and_a_reader_give_the_same() {
        assert_eq!(of_bytes("abc"), of("abc".as_bytes()).unwrap());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = of_file(Path::new("no/such/binary")).unwrap_err();
        assert!(error.to_string().contains("no/such/binary"));
    }
}
