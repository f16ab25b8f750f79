//! Files, and the documents in them.

use std::fs;
use std::io::{self, Read as _};

use serde_json::Value;

use super::findings::{Finding, Located};

/// What stands for standard input in place of a file's name.
const STDIN: &str = "-";

/// The files that a command reads.
#[derive(Clone, Debug, clap::Args)]
pub struct FileArgs {
    /// A file with RestAPIs as YAML or JSON, any number of documents; `-` for standard input. May be given
    /// several times. Documents of other kinds are passed over.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        required = true,
        value_hint = clap::ValueHint::FilePath
    )]
    files: Vec<String>,
}

/// A file that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{file} can't be read: {source}")]
pub(super) struct Unreadable {
    file: String,
    source: io::Error,
}

/// One RestAPI as it stands in a file, right or wrong.
#[derive(Clone, Debug)]
pub(super) struct Document {
    file: String,
    number: usize,
    pub(super) object: Value,
}

impl Document {
    /// A finding in this document.
    pub(super) fn locate(&self, finding: Finding) -> Located {
        let name = self.object.pointer("/metadata/name");
        Located {
            file: self.file.clone(),
            document: Some(self.number),
            name: name.and_then(Value::as_str).map(str::to_owned),
            finding,
        }
    }
}

/// What the files hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Documents {
    /// The RestAPIs, in order.
    pub(super) restapis: Vec<Document>,
    /// The files in which there is none, or that are no YAML.
    pub(super) problems: Vec<Located>,
}

impl FileArgs {
    /// Reads the files.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub(super) fn read(&self) -> Result<Documents, Unreadable> {
        let mut documents = Documents::default();
        for file in &self.files {
            let text = text(file).map_err(|source| Unreadable {
                file: file.clone(),
                source,
            })?;
            documents.add(file, &text);
        }
        Ok(documents)
    }
}

fn text(file: &str) -> io::Result<String> {
    if file == STDIN {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file)
}

/// Everything of the YAML text. One file may hold what a whole cluster runs, of which the library takes 1,024
/// documents unless it is told otherwise; what aliases make of little text stays bounded.
fn values(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1_000_000,
            max_nodes: 20_000_000,
            max_events: 80_000_000,
        },
    };
    serde_saphyr::from_multiple_with_options(text, options)
}

impl Documents {
    fn add(&mut self, file: &str, text: &str) {
        let values = match values(text) {
            Ok(values) => values,
            Err(error) => {
                let problem = format!("it is no YAML: {}", error.without_snippet());
                self.problem(file, "syntax", problem, "correct the syntax");
                return;
            }
        };
        let before = self.restapis.len();
        for (i, value) in values.into_iter().enumerate() {
            let restapis = flattened(value).into_iter().filter(is_restapi);
            self.restapis.extend(restapis.map(|object| Document {
                file: file.to_owned(),
                number: i.saturating_add(1),
                object,
            }));
        }
        if self.restapis.len() == before {
            let fix = "name a file that holds a document with `kind: RestAPI`";
            self.problem(file, "no-restapi", "it holds no RestAPI".to_owned(), fix);
        }
    }

    fn problem(&mut self, file: &str, rule: &'static str, message: String, fix: &str) {
        self.problems.push(Located {
            file: file.to_owned(),
            document: None,
            name: None,
            finding: Finding::refused(rule, "", message, fix),
        });
    }
}

/// The objects of a list, as `kubectl get -o yaml` prints it, or the one object.
fn flattened(value: Value) -> Vec<Value> {
    let is_list = matches!(kind(&value), Some("List" | "RestAPIList"));
    match value {
        Value::Object(mut object) if is_list => match object.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        one => vec![one],
    }
}

fn kind(value: &Value) -> Option<&str> {
    value.get("kind")?.as_str()
}

/// Whether it is meant to be one: its version may be wrong.
fn is_restapi(value: &Value) -> bool {
    let group = value.get("apiVersion").and_then(Value::as_str);
    kind(value) == Some("RestAPI") || group.is_some_and(|group| group.starts_with("restapi.dev/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Documents {
        let mut documents = Documents::default();
        documents.add("a.yaml", text);
        documents
    }

    #[test]
    fn restapis_are_found_among_others_in_streams_and_in_lists() {
        let documents = read(
            "kind: ConfigMap\n---\nkind: RestAPI\nmetadata: {name: one}\n---\n\
             kind: List\nitems: [{kind: RestAPI, metadata: {name: two}}, {kind: Secret}]\n",
        );
        let found: Vec<_> = documents
            .restapis
            .iter()
            .map(|d| (d.number, d.object["metadata"]["name"].as_str().unwrap()))
            .collect();
        assert_eq!(found, [(2, "one"), (3, "two")]);
        assert!(documents.problems.is_empty());
    }

    #[test]
    fn a_file_may_hold_all_of_a_cluster() {
        let one = "kind: RestAPI\nmetadata: {name: one}\nspec: {image: 'a:1', view: {}, model: {}}\n---\n";
        let documents = read(&one.repeat(20_000));
        assert_eq!(documents.restapis.len(), 20_000);
        assert!(documents.problems.is_empty());
    }

    #[test]
    fn json_is_yaml() {
        let documents = read(r#"{"kind": "RestAPI", "metadata": {"name": "one"}}"#);
        assert_eq!(documents.restapis.len(), 1);
    }

    #[test]
    fn what_is_no_yaml_and_what_holds_nothing_is_named() {
        for (text, rule) in [
            ("a: [", "syntax"),
            ("a: 1\na: 2\n", "syntax"),
            ("kind: ConfigMap", "no-restapi"),
            ("", "no-restapi"),
        ] {
            let problems = read(text).problems;
            assert_eq!(problems.len(), 1, "{text}");
            assert_eq!(problems[0].finding.rule, rule, "{text}");
        }
    }
}
