//! Which target makes a binary that needs nothing but the kernel: musl, or glibc linked statically.

use std::path::Path;

use anyhow::{Result, bail};

use crate::run::Cmd;
use crate::tools::packages;

/// A target and what the compiler must be told for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StaticTarget {
    /// The target triple, for instance `x86_64-unknown-linux-musl`.
    pub(crate) triple: String,
    /// A variable for cargo's environment, if the target alone isn't enough.
    pub(crate) env: Option<(String, String)>,
}

impl StaticTarget {
    fn musl(arch: &str) -> Self {
        Self {
            triple: format!("{arch}-unknown-linux-musl"),
            env: None,
        }
    }

    /// The machine's own glibc, linked statically. `RUSTFLAGS` for this target alone, so that
    /// procedural macros and build scripts are compiled as ever.
    fn gnu(arch: &str) -> Self {
        let triple = format!("{arch}-unknown-linux-gnu");
        let variable = format!(
            "CARGO_TARGET_{}_RUSTFLAGS",
            triple.to_uppercase().replace('-', "_")
        );
        Self {
            triple,
            env: Some((variable, "-C target-feature=+crt-static".to_owned())),
        }
    }
}

/// The target for this machine. Installs what musl needs; where that can't be had, glibc it is.
///
/// # Errors
/// On anything but Linux, where static Linux binaries are made in a container instead.
pub(crate) fn choose(no_install: bool) -> Result<StaticTarget> {
    if std::env::consts::OS != "linux" {
        bail!(
            "static Linux binaries are compiled on Linux: on this machine build each image in a container, \
             `docker build -f Dockerfile.workspace --build-arg BIN=core-reconciler -t core-reconciler .`"
        );
    }
    let arch = std::env::consts::ARCH;
    let musl = StaticTarget::musl(arch);
    match install_musl(&musl.triple, no_install) {
        Ok(()) => Ok(musl),
        Err(error) => {
            eprintln!("images: no musl target ({error:#}); linking glibc statically instead");
            Ok(StaticTarget::gnu(arch))
        }
    }
}

fn install_musl(triple: &str, no_install: bool) -> Result<()> {
    if !has_std(triple)? {
        if no_install {
            bail!("rustup target add {triple}");
        }
        Cmd::new("rustup").args(["target", "add", triple]).run()?;
    }
    // For the few dependencies that hold C code.
    packages::ensure(&["musl-tools"], no_install)
}

fn has_std(triple: &str) -> Result<bool> {
    let lib = Cmd::new("rustc")
        .args(["--print", "target-libdir", "--target", triple])
        .read()?;
    Ok(Path::new(lib.trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fallback_says_static_for_its_own_target_only() {
        let target = StaticTarget::gnu("aarch64");
        assert_eq!(target.triple, "aarch64-unknown-linux-gnu");
        let (name, value) = target.env.unwrap();
        assert_eq!(name, "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS");
        assert!(value.contains("+crt-static"));
    }

    #[test]
    fn musl_needs_no_flags() {
        assert_eq!(StaticTarget::musl("x86_64").env, None);
    }
}
