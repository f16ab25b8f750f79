//! Debian's packages: what the cluster takes from the system instead of building it.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::paths;
use crate::run::Cmd;
use crate::ui::Progress;

/// A package that this repository can use, and how its presence is seen without asking the
/// package manager (which takes longer, and isn't there on other systems).
struct Known {
    package: &'static str,
    why: &'static str,
    sign: Sign,
}

/// What shows that a package is there.
enum Sign {
    Program(&'static str),
    File(&'static str),
}

const KNOWN: &[Known] = &[
    known(
        "containerd",
        "runs the nodes' containers",
        Sign::Program("containerd"),
    ),
    known("runc", "starts containers", Sign::Program("runc")),
    known(
        "containernetworking-plugins",
        "connects pods",
        Sign::File("/usr/lib/cni/bridge"),
    ),
    known(
        "nftables",
        "carries out Services on a node",
        Sign::Program("nft"),
    ),
    known(
        "iptables",
        "carries out host ports of pods",
        Sign::Program("iptables"),
    ),
    known("iproute2", "makes networks and routes", Sign::Program("ip")),
    known(
        "clang-19",
        "compiles Cilium's programs for the kernel",
        Sign::Program("clang-19"),
    ),
    known(
        "bpftool",
        "tells Cilium what the kernel can do",
        Sign::Program("bpftool"),
    ),
    known(
        "buildah",
        "builds images without an engine",
        Sign::Program("buildah"),
    ),
    known(
        "musl-tools",
        "compiles C code of static binaries",
        Sign::Program("musl-gcc"),
    ),
];

const fn known(package: &'static str, why: &'static str, sign: Sign) -> Known {
    Known { package, why, sign }
}

/// Packages are missing and may not be installed. `main` ends with exit code 2 on this error.
#[derive(Debug)]
pub(crate) struct Missing {
    commands: Vec<String>,
    packages: Vec<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "missing packages: {}. Install them with:",
            self.packages.join(" ")
        )?;
        write!(out, "  {}", self.commands.join("\n  "))
    }
}

impl std::error::Error for Missing {}

/// Installs those of these packages that are missing, and says which and why.
///
/// # Errors
/// [`Missing`] with `no_install`; packages are missing and this process isn't root or the system
/// isn't Debian's; the installation fails.
pub(crate) fn ensure(packages: &[&str], no_install: bool) -> Result<()> {
    let missing = missing(packages, is_installed);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|name| (*name).to_owned()).collect();
    let plan = plan(&missing);
    if no_install {
        let commands = plan.iter().map(Cmd::line).collect();
        return Err(Missing {
            commands,
            packages: names,
        }
        .into());
    }
    if paths::program("apt-get").is_none() {
        bail!(
            "missing: {}. This system has no apt-get: install them its own way",
            names.join(" ")
        );
    }
    if !paths::is_root() {
        bail!(
            "missing packages: {}. Run this as root, or install them first",
            names.join(" ")
        );
    }
    install(&missing, &plan)
}

fn install(missing: &[&str], plan: &[Cmd]) -> Result<()> {
    let progress = Progress::with_total("packages", plan.len());
    for package in missing {
        progress.note(&format!("{package} is missing ({})", why(package)));
    }
    for command in plan {
        progress.step(&command.line(), || {
            command
                .clone()
                .env("DEBIAN_FRONTEND", "noninteractive")
                .run()
        })?;
    }
    Ok(())
}

/// Which of these are not there, in their order and each once.
fn missing<'a>(packages: &[&'a str], installed: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let mut missing: Vec<&str> = Vec::new();
    for package in packages {
        if !missing.contains(package) && !installed(package) {
            missing.push(package);
        }
    }
    missing
}

/// The exact commands that install these.
fn plan(missing: &[&str]) -> Vec<Cmd> {
    let install = Cmd::new("apt-get").args(["install", "--yes", "--no-install-recommends"]);
    vec![Cmd::new("apt-get").arg("update"), install.args(missing)]
}

fn why(package: &str) -> &'static str {
    KNOWN
        .iter()
        .find(|known| known.package == package)
        .map_or("needed", |known| known.why)
}

fn is_installed(package: &str) -> bool {
    match KNOWN
        .iter()
        .find(|known| known.package == package)
        .map(|known| &known.sign)
    {
        Some(Sign::Program(name)) => paths::program(name).is_some(),
        Some(Sign::File(path)) => Path::new(path).exists(),
        None => Cmd::new("dpkg-query")
            .args(["--show", "--showformat=${db:Status-Status}", package])
            .read()
            .is_ok_and(|status| status == "installed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_planned_and_only_once() {
        let found = missing(&["runc", "nftables", "buildah", "nftables"], |name| {
            name == "runc"
        });
        assert_eq!(found, ["nftables", "buildah"]);
        let lines: Vec<String> = plan(&found).iter().map(Cmd::line).collect();
        let install = "apt-get install --yes --no-install-recommends nftables buildah";
        assert_eq!(lines, ["apt-get update", install]);
    }

    #[test]
    fn nothing_missing_needs_nothing() {
        assert!(missing(&["runc"], |_| true).is_empty());
    }

    #[test]
    fn the_refusal_prints_the_commands() {
        let refusal = Missing {
            commands: vec!["apt-get update".into()],
            packages: vec!["runc".into()],
        };
        assert_eq!(
            refusal.to_string(),
            "missing packages: runc. Install them with:\n  apt-get update"
        );
    }
}
