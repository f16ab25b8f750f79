//! `core-reconciler lint`, which has no API server, says of every case what the API server says.
//!
//! What that says stands in the tables: the test beside this one holds each case against it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use suites::namespace::Namespace;
use tokio::process::Command;

use super::super::support;
use super::{Case, all_cases};

/// How many documents a file holds: a stream of more than 1,024 is no file that anybody wrote.
const DOCUMENTS: usize = 500;

/// What lint refuses and the API server can't see, since no rule of a CRD could say it: objects that are
/// accepted, and of which status says the same. Such cases are of one field, and lack what goes with it.
const NOT_RENDERED: [&str; 4] = [
    "can't make a certificate for any host",
    "is absent, and there is no such container to change",
    "is of a kind that pods may not have, or of none",
    "mounts a volume that does not exist",
];

/// What `lint --output json` prints, as far as it is of interest here.
#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    file: String,
    /// Nothing when the file as a whole can't be decoded.
    document: Option<usize>,
    severity: String,
    message: String,
}

/// A file of cases, each a document.
struct File<'a> {
    path: String,
    cases: &'a [Case],
}

impl<'a> File<'a> {
    fn write(folder: &Path, number: usize, cases: &'a [Case]) -> Result<Self> {
        let path = folder.join(format!("{number}.yaml"));
        let mut text = String::new();
        for case in cases {
            // JSON is YAML.
            writeln!(text, "---\n{}", case.object)?;
        }
        fs::write(&path, text)?;
        let path = path.display().to_string();
        Ok(Self { path, cases })
    }

    /// The cases of which lint says otherwise, and what it says. `excused` are the messages of
    /// [`NOT_RENDERED`] that were met.
    fn wrong<'f>(&self, found: &'f [Finding], excused: &mut BTreeSet<&'f str>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (case, number) in self.cases.iter().zip(1..) {
            let errors = found
                .iter()
                .filter(|f| f.severity == "error" && f.file == self.path)
                .filter(|f| f.document.is_none_or(|document| document == number));
            let mut messages: Vec<_> = errors.map(|f| f.message.as_str()).collect();
            if case.refusal.is_none() {
                messages.retain(|message| {
                    let is_excused = NOT_RENDERED.contains(message);
                    excused.extend(is_excused.then_some(*message));
                    !is_excused
                });
            }
            if messages.is_empty() == case.refusal.is_some() {
                wrong.push(format!("{}: lint finds {messages:?}", case.what));
            }
        }
        wrong
    }
}

/// What lint finds in these files.
async fn lint(ns: &Namespace, files: &[File<'_>]) -> Result<Vec<Finding>> {
    let mut command = Command::new(&ns.env.core_reconciler);
    command.args(["lint", "--output", "json"]);
    for file in files {
        command.args(["--filename", &file.path]);
    }
    let output = command.output().await.context("starting lint")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Report =
        serde_json::from_slice(&output.stdout).with_context(|| said.into_owned())?;
    Ok(report.findings)
}

#[tokio::test]
async fn lint_refuses_what_the_api_server_refuses_and_nothing_else() -> Result<()> {
    support::run("offline", async |ns| {
        let folder = ns.logs();
        fs::create_dir_all(&folder)?;
        let cases = all_cases();
        let chunks = cases.chunks(DOCUMENTS).enumerate();
        let files = chunks.map(|(i, cases)| File::write(&folder, i, cases));
        let files = files.collect::<Result<Vec<_>>>()?;
        let found = lint(&ns, &files).await?;
        let mut excused = BTreeSet::new();
        let wrong: Vec<_> = files
            .iter()
            .flat_map(|file| file.wrong(&found, &mut excused))
            .collect();
        println!("{} cases", cases.len());
        ensure!(wrong.is_empty(), "{} cases: {wrong:#?}", wrong.len());
        ensure!(
            excused.into_iter().eq(NOT_RENDERED),
            "not every excuse is needed"
        );
        Ok(())
    })
    .await
}
