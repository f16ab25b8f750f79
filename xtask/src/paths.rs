//! Where things are: the repository, the cache of built programs, the state of each cluster.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The root of the repository: the folder of the workspace's `Cargo.toml`.
pub(crate) fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// The cache of programs and archives, which outlives every cluster and `cargo clean`:
/// `$RESTAPI_CACHE`, else `/var/cache/restapi` for root, else `$XDG_CACHE_HOME/restapi` or
/// `~/.cache/restapi`. Not created here.
pub(crate) fn cache() -> Result<PathBuf> {
    if let Some(chosen) = variable("RESTAPI_CACHE") {
        return absolute("RESTAPI_CACHE", &chosen);
    }
    if is_root() {
        return Ok(PathBuf::from("/var/cache/restapi"));
    }
    user_folder("XDG_CACHE_HOME", ".cache", "restapi", "RESTAPI_CACHE")
}

/// The folder that holds one folder of state for each cluster: `$RESTAPI_STATE`, else
/// `/var/lib/restapi-cluster` for root, else `$XDG_STATE_HOME/restapi-cluster` or
/// `~/.local/state/restapi-cluster`. Not created here.
pub(crate) fn clusters() -> Result<PathBuf> {
    if let Some(chosen) = variable("RESTAPI_STATE") {
        return absolute("RESTAPI_STATE", &chosen);
    }
    if is_root() {
        return Ok(PathBuf::from("/var/lib/restapi-cluster"));
    }
    user_folder(
        "XDG_STATE_HOME",
        ".local/state",
        "restapi-cluster",
        "RESTAPI_STATE",
    )
}

/// The folder of the state of the cluster of this name; not created here.
///
/// # Errors
/// A name that is not a DNS label of at most 30 characters.
pub(crate) fn cluster(name: &str) -> Result<PathBuf> {
    check_name(name)?;
    Ok(clusters()?.join(name))
}

/// The definitions of the local cluster's programs and addons: `tests/cluster`.
pub(crate) fn definitions() -> PathBuf {
    repository().join("tests/cluster")
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a program of this name is on `PATH` or in the system's folders for administrators.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A cluster's name is part of file names and of what `kind` makes: a DNS label, kept short.
fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = |c: Option<char>| c.is_some_and(|c| c != '-');
    if name.len() > 30
        || !name.chars().all(allowed)
        || !edges(name.chars().next())
        || !edges(name.chars().last())
    {
        bail!(
            "--name {name:?}: a cluster's name is at most 30 lower-case letters, digits and inner \
             hyphens, such as \"restapi\" or \"restapi-2\""
        );
    }
    Ok(())
}

/// The value of an environment variable, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn absolute(name: &str, path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("${name}={}: no such place", path.display()))
}

fn user_folder(xdg: &str, under_home: &str, name: &str, own: &str) -> Result<PathBuf> {
    if let Some(folder) = variable(xdg).filter(|folder| folder.is_absolute()) {
        return Ok(folder.join(name));
    }
    let home = variable("HOME")
        .with_context(|| format!("neither HOME nor {xdg} is set: set {own} to a folder"))?;
    Ok(home.join(under_home).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["restapi", "a", "restapi-2", "2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "..", &"a".repeat(31)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_repository_holds_the_workspace() {
        assert!(repository().join("Cargo.toml").is_file());
        assert!(definitions().join("kubernetes/go.mod").is_file());
    }
}
