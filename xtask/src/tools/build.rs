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

/// Copies the data files into one folder.
fn copy_data(recipe: &Recipe, into: &Path) -> Result<()> {
    let module = recipe
        .version_of
        .context("a program of ours has no data of another module")?;
    let source = PathBuf::from(
        go(recipe)
            .args(["list", "-m", "-f", "{{.Dir}}", module])
            .read()?,
    );
    fs::create_dir_all(into)?;
    for file in recipe.data {
        let from = source.join(file);
        let name = from.file_name().context("a data file has a name")?;
        // The module cache is read-only; the copy is made anew so that it can be removed.
        let content = fs::read(&from).with_context(|| format!("can't read {}", from.display()))?;
        fs::write(into.join(name), content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Tool;

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
