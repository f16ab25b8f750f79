//! Building one program with Go into a given folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Recipe, gomod, store};
use crate::paths;
use crate::run::Cmd;

/// Builds the program, and copies its data beside it, into this empty folder.
pub(super) fn build(recipe: &Recipe, into: &Path, log: &Path) -> Result<PathBuf> {
    if paths::program("go").is_none() {
        bail!(
            "{} is built with Go, and there is no `go` on PATH: install Go 1.26 or newer \
             (go.dev/dl) and run this again",
            recipe.name
        );
    }
    let program = into.join(recipe.name);
    go(recipe)
        .args([
            "build",
            "-trimpath",
            "-ldflags",
            &linker_flags(recipe)?,
            "-o",
        ])
        .arg(&program)
        .arg(recipe.package)
        .log_to(log)
        .run()?;
    if !recipe.data.is_empty() {
        copy_data(recipe, &into.join(store::DATA))?;
    }
    Ok(program)
}

/// Go in the program's module: nothing of the caller's settings changes what is built, only where
/// modules come from.
fn go(recipe: &Recipe) -> Cmd {
    Cmd::new("go")
        .dir(gomod::folder(recipe))
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .env("GOWORK", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH")
}

fn linker_flags(recipe: &Recipe) -> Result<String> {
    let version = gomod::version(recipe)?;
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    let mut flags = "-s -w".to_owned();
    for setting in recipe.settings {
        let setting = setting
            .replace("{version}", &version)
            .replace("{major}", major)
            .replace("{minor}", minor);
        flags.push_str(" -X ");
        flags.push_str(&setting);
    }
    Ok(flags)
}

/// Copies the data files and folders into one folder.
fn copy_data(recipe: &Recipe, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    for data in recipe.data {
        let (module, path) = match data.split_once("//") {
            Some((module, path)) => (Some(module), path),
            None => (recipe.version_of, *data),
        };
        let module = module.context("a program of ours has no data of another module")?;
        let list = go(recipe).args(["list", "-m", "-f", "{{.Dir}}", module]);
        let from = PathBuf::from(list.read()?).join(path);
        let name = from.file_name().context("a data file has a name")?;
        copy(&from, &into.join(name))?;
    }
    Ok(())
}

/// Copies a file, or a folder with all in it. The module cache is read-only; the copy is made anew so
/// that it can be removed.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        let content = fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
        return Ok(fs::write(to, content)?);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Tool;

    #[test]
    fn folders_are_copied_with_all_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("deep/file"), "content").unwrap();
        let to = folder.path().join("to");
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("deep/file")).unwrap(), "content");
    }

    #[test]
    fn kubernetes_programs_know_their_version() {
        let version = Tool::Kubelet.version().unwrap();
        let flags = linker_flags(&Tool::Kubelet.recipe()).unwrap();
        assert!(
            flags.contains(&format!("version.gitVersion={version} ")),
            "{flags}"
        );
        assert!(
            flags.contains("version.gitMajor=1 ") && !flags.contains('{'),
            "{flags}"
        );
    }
}
