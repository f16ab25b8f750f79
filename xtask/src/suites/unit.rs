//! The suite `unit`: what needs no cluster.

use std::process::Command;

use anyhow::Result;

use super::counted::{self, Count};
use crate::run::Cmd;
use crate::{generate, paths};

/// One check: its name, the command, a variable for its environment.
struct Check {
    name: &'static str,
    command: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
}

const CHECKS: &[Check] = &[
    Check {
        name: "formatting",
        command: &["fmt", "--all", "--check"],
        env: None,
    },
    Check {
        name: "lints",
        command: &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny=warnings",
        ],
        env: None,
    },
    Check {
        name: "documentation",
        command: &[
            "doc",
            "--quiet",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ],
        env: Some(("RUSTDOCFLAGS", "--deny=warnings")),
    },
];

/// Advisories are not among them: they change with the day, not with the commit.
const DENY: Check = Check {
    name: "licences, bans, sources",
    command: &[
        "deny",
        "--log-level=error",
        "check",
        "bans",
        "licenses",
        "sources",
    ],
    env: None,
};

/// Runs every check, also when an earlier one failed. What can't be run here is added to `left_out`.
///
/// # Errors
/// When cargo can't be started.
pub(super) fn run(all: bool, left_out: &mut Vec<String>) -> Result<Count> {
    let mut total = tests(all)?;
    for check in CHECKS {
        total.add(check.run()?);
    }
    total.add(generated());
    if Cmd::new("cargo").args(["deny", "--version"]).read().is_ok() {
        total.add(DENY.run()?);
    } else {
        left_out.push(format!("{} (cargo-deny is not installed)", DENY.name));
    }
    Ok(total)
}

fn tests(all: bool) -> Result<Count> {
    announce("tests");
    let mut command = cargo(&["test", "--quiet", "--workspace", "--no-fail-fast"]);
    if all {
        command.args(["--", "--include-ignored"]);
    }
    counted::run(&mut command)
}

impl Check {
    fn run(&self) -> Result<Count> {
        announce(self.name);
        let mut command = cargo(self.command);
        command.envs(self.env);
        let count = counted::run(&mut command)?;
        if count.failed > 0 {
            println!("{} failed: cargo {}", self.name, self.command.join(" "));
        }
        Ok(count)
    }
}

fn generated() -> Count {
    announce("generated files");
    match generate::run(&generate::Args { check: true }) {
        Ok(()) => Count::PASSED,
        Err(error) => {
            println!("{error:#}");
            Count::FAILED
        }
    }
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(paths::repository());
    command
}

fn announce(what: &str) {
    println!("unit: {what}");
}
