//! `core-reconciler lint`: mistakes in files with RestAPIs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use restapi_resources::surroundings::Surroundings;
use serde_json::json;

use super::admission::Admission;
use super::advice;
use super::documents::{Document, FileArgs};
use super::findings::{Finding, Located, Severity};
use super::render::{impossible, objects};
use super::{End, printed};

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// What `lint` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct LintArgs {
    #[command(flatten)]
    files: FileArgs,

    /// How findings are printed.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,

    /// Count warnings as well.
    #[arg(long)]
    strict: bool,

    /// Leave out warnings and infos of this rule, whose name stands in brackets after each finding. May be
    /// given several times. Errors are always told.
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
}

/// Checks the files.
pub(super) fn run(args: &LintArgs) -> End {
    let documents = match args.files.read() {
        Ok(documents) => documents,
        Err(unreadable) => {
            eprintln!("{unreadable}");
            return End::Unreadable;
        }
    };
    let admission = Admission::to("default");
    let mut all = documents.problems;
    for document in &documents.restapis {
        all.extend(located(document, &admission));
    }
    all.retain(|l| l.finding.severity == Severity::Error || !is_allowed(&l.finding, &args.allow));
    printed(print(&all, args.output), verdict(&all, args.strict))
}

fn located(document: &Document, admission: &Admission) -> Vec<Located> {
    let found = findings(document, admission);
    found.into_iter().map(|f| document.locate(f)).collect()
}

fn findings(document: &Document, admission: &Admission) -> Vec<Finding> {
    let accepted = match admission.accept(&document.object) {
        Ok(accepted) => accepted,
        Err(found) => return found,
    };
    // Where the managers and others run makes no difference to what can be rendered.
    let anywhere = Surroundings {
        managers_namespace: "default".to_owned(),
        monitoring_namespace: None,
        otlp: None,
    };
    match objects(accepted.clone(), &anywhere, &[]) {
        Ok(_) => advice::of(&accepted.app),
        Err(error) => vec![impossible(&error)],
    }
}

fn is_allowed(finding: &Finding, rules: &[String]) -> bool {
    rules.iter().any(|rule| rule == finding.rule)
}

fn verdict(all: &[Located], strict: bool) -> End {
    let gravest = all.iter().map(|l| l.finding.severity).max();
    let counts = if strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    if gravest >= Some(counts) {
        End::Bad
    } else {
        End::Good
    }
}

fn print(all: &[Located], output: Output) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match output {
        Output::Text => {
            for finding in all {
                writeln!(out, "{finding}")?;
            }
        }
        Output::Json => {
            let of = |severity| {
                all.iter()
                    .filter(|l| l.finding.severity == severity)
                    .count()
            };
            let report = json!({
                "errors": of(Severity::Error),
                "warnings": of(Severity::Warning),
                "infos": of(Severity::Info),
                "findings": all,
            });
            writeln!(out, "{report:#}")?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], false, End::Good)]
    #[case(&[Severity::Info], true, End::Good)]
    #[case(&[Severity::Info, Severity::Warning], false, End::Good)]
    #[case(&[Severity::Info, Severity::Warning], true, End::Bad)]
    #[case(&[Severity::Error, Severity::Info], false, End::Bad)]
    fn what_counts_depends_on_how_strict_it_is(
        #[case] found: &[Severity],
        #[case] strict: bool,
        #[case] end: End,
    ) {
        let all: Vec<_> = found
            .iter()
            .map(|severity| Located {
                file: "a".to_owned(),
                document: Some(1),
                name: None,
                finding: Finding::new(*severity, "r", "f", "m", "x"),
            })
            .collect();
        assert_eq!(verdict(&all, strict), end);
    }
}
