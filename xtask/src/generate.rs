//! `cargo xtask generate`: files of the repository that are made from the code.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::monitoring::{alerts, dashboards, reference};
use crate::paths;
use crate::run::Cmd;

/// Arguments of `cargo xtask generate`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a file is not what the code makes of it.
    #[arg(long)]
    pub(crate) check: bool,
}

/// A file and where its content comes from.
struct Generated {
    file: &'static str,
    source: Source,
}

/// What makes the content of a file.
enum Source {
    /// An example that prints it.
    Example {
        package: &'static str,
        example: &'static str,
    },
    /// A function of this program.
    Function(fn() -> Result<String>),
}

const FILES: &[Generated] = &[
    Generated {
        file: "kustomize/crd/restapis.restapi.dev.yaml",
        source: Source::Example {
            package: "restapi-types",
            example: "crd",
        },
    },
    Generated {
        file: "docs/reference/restapi.md",
        source: Source::Example {
            package: "restapi-types",
            example: "reference",
        },
    },
    Generated {
        file: reference::FILE,
        source: Source::Function(reference::page),
    },
    Generated {
        file: alerts::operator::FILE,
        source: Source::Function(alerts::operator::prometheus_rule),
    },
    Generated {
        file: alerts::grafana::FILE,
        source: Source::Function(alerts::grafana::provisioning),
    },
    Generated {
        file: "deploy/nats/base/authorization.conf",
        source: Source::Example {
            package: "restapi-types",
            example: "nats",
        },
    },
];

/// A folder, and the example that prints all its files: one JSON object, texts by name.
const FOLDERS: &[Generated] = &[Generated {
    file: "docs/events",
    source: Source::Example {
        package: "restapi-types",
        example: "events",
    },
}];

/// What comparing a file with what it should be has shown.
#[derive(Debug, PartialEq, Eq)]
enum State {
    UpToDate,
    Missing,
    Stale { line: usize },
}

/// Writes every generated file, or checks them all.
///
/// # Errors
/// When a generator fails, a file can't be written, or, with `check`, a file is stale or missing.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut stale = Vec::new();
    for (file, wanted) in all()? {
        let path = paths::repository().join(&file);
        match state(fs::read_to_string(&path).ok().as_deref(), &wanted) {
            State::UpToDate => println!("{file}: up to date"),
            found if args.check => stale.push(complaint(&file, &found)),
            _ => {
                write(&path, &wanted)?;
                println!("{file}: written");
            }
        }
    }
    if !stale.is_empty() {
        bail!(
            "{}\nrun `cargo xtask generate` and commit what it writes",
            stale.join("\n")
        );
    }
    Ok(())
}

/// Every generated file, and what the code makes of it.
fn all() -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for generated in FILES {
        all.push((generated.file.to_owned(), generated.content()?));
    }
    for name in dashboards::names() {
        let file = format!("deploy/grafana/dashboards/{name}.json");
        all.push((file, dashboards::json(name)?));
    }
    for folder in FOLDERS {
        let files: BTreeMap<String, String> = serde_json::from_str(&folder.content()?)
            .with_context(|| format!("reading what is generated for {}", folder.file))?;
        let named = files
            .into_iter()
            .map(|(name, text)| (format!("{}/{name}", folder.file), format!("{text}\n")));
        all.extend(named);
    }
    Ok(all)
}

impl Generated {
    fn content(&self) -> Result<String> {
        let content = match self.source {
            Source::Example { package, example } => printed(package, example),
            Source::Function(content) => content(),
        };
        content.with_context(|| format!("generating {}", self.file))
    }
}

fn printed(package: &str, example: &str) -> Result<String> {
    let printed = Cmd::new("cargo")
        .args(["run", "--quiet", "--package", package])
        .args(["--example", example])
        .dir(paths::repository())
        .read()?;
    Ok(format!("{printed}\n"))
}

fn write(path: &PathBuf, content: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

fn state(found: Option<&str>, wanted: &str) -> State {
    let Some(found) = found else {
        return State::Missing;
    };
    if found == wanted {
        return State::UpToDate;
    }
    let same = found
        .lines()
        .zip(wanted.lines())
        .take_while(|(found, wanted)| found == wanted)
        .count();
    State::Stale { line: same + 1 }
}

fn complaint(file: &str, state: &State) -> String {
    match state {
        State::UpToDate => format!("{file} is up to date"),
        State::Missing => format!("{file} is missing"),
        State::Stale { line } => {
            format!("{file} is not what the code makes of it (first difference in line {line})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(state(Some("a\nb\n"), "a\nb\n"), State::UpToDate);
        assert_eq!(
            state(Some("a\nx\nc\n"), "a\nb\nc\n"),
            State::Stale { line: 2 }
        );
        assert_eq!(state(Some("a\n"), "a\nb\n"), State::Stale { line: 2 });
        assert_eq!(state(None, "a\n"), State::Missing);
    }

    #[test]
    fn a_complaint_names_the_file() {
        let text = complaint("kustomize/crd/x.yaml", &State::Stale { line: 7 });
        assert!(
            text.contains("kustomize/crd/x.yaml") && text.contains("line 7"),
            "{text}"
        );
    }
}
