//! Undoing what was mounted below a cluster's folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, umount2};

use super::procfs;

/// How often everything is unmounted again: a mount can hide another at the same place.
const ROUNDS: usize = 10;

/// Unmounts everything at and below this folder, however busy.
///
/// # Errors
/// Something stays mounted.
pub(super) fn remove_below(folder: &Path) -> Result<()> {
    for _ in 0..ROUNDS {
        let points = below(folder)?;
        if points.is_empty() {
            return Ok(());
        }
        for point in points {
            match umount2(&point, MntFlags::MNT_DETACH) {
                // It went with another, which it was mounted on.
                Ok(()) | Err(nix::errno::Errno::EINVAL | nix::errno::Errno::ENOENT) => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("can't unmount {}", point.display()));
                }
            }
        }
    }
    bail!(
        "something is mounted again and again below {}",
        folder.display()
    )
}

/// What is mounted at and below this folder, the latest first.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut points: Vec<PathBuf> = procfs::mounts()?
        .into_iter()
        .map(|mount| mount.point)
        .filter(|point| point.starts_with(folder))
        .collect();
    points.reverse();
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_is_found() {
        assert!(
            below(Path::new("/proc"))
                .unwrap()
                .contains(&PathBuf::from("/proc"))
        );
        assert_eq!(below(Path::new("/pro")).unwrap(), Vec::<PathBuf>::new());
        remove_below(Path::new("/nothing-is-mounted-here")).unwrap();
    }
}
