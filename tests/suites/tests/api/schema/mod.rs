//! What admission accepts and refuses: every rule and bound of the CRD, against the real API server.
//!
//! Each table holds objects; all are created with server-side dry-run and strict field validation.

mod additional;
mod blue_green;
mod companions;
mod components;
pub mod coverage;
mod gates;
mod health;
mod metadata;
mod names;
mod network;
mod odd;
mod offline;
mod opaque;
mod place;
mod placement;
mod references;
mod resources;
mod routing;
mod security;
mod storage;
mod updates;
mod values;
mod variables;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use http::Request;
use kube::Client;
use restapi_types::crd;
use serde_json::{Value, json};
use suites::namespace::Namespace;

use super::support::{self, apps::IMAGE};

/// How many objects are sent at the same time.
const AT_ONCE: usize = 16;

/// One object and what is to become of it.
pub struct Case {
    /// What is particular about it.
    what: String,
    object: Value,
    /// Nothing when it is accepted, else what the refusal must hold.
    refusal: Option<Vec<String>>,
    /// The paths of the fields for which it is refused.
    about: Vec<String>,
}

/// An object that is accepted.
pub fn accepted(what: impl Into<String>, object: Value) -> Case {
    Case {
        what: what.into(),
        object,
        refusal: None,
        about: Vec::new(),
    }
}

/// An object that is refused with a message that holds each of `parts`: the field and the fix.
pub fn refused(what: impl Into<String>, object: Value, parts: &[&str]) -> Case {
    let paths = parts
        .iter()
        .filter(|part| part.starts_with("spec.") && !part.contains(' '));
    Case {
        what: what.into(),
        object,
        about: paths.map(|path| (*path).to_owned()).collect(),
        refusal: Some(parts.iter().map(|part| (*part).to_owned()).collect()),
    }
}

/// The RestAPI `orders` with that spec.
pub fn spec(spec: &Value) -> Value {
    named("orders", spec)
}

/// The RestAPI of that name and spec.
pub fn named(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI", "metadata": {"name": name}, "spec": spec})
}

/// The RestAPI `orders` whose one component `view` has these fields besides its image.
pub fn view(fields: &Value) -> Value {
    spec(&json!({"image": IMAGE, "view": fields}))
}

/// The refusal of an object, nothing when it is accepted.
async fn refusal(client: &Client, ns: &Namespace, object: &Value) -> Result<Option<String>> {
    let path = format!("/apis/restapi.dev/v1alpha1/namespaces/{}/restapis", ns.name);
    let uri = format!("{path}?dryRun=All&fieldValidation=Strict");
    let request = Request::post(uri).header("content-type", "application/json");
    match client
        .request::<Value>(request.body(object.to_string().into_bytes())?)
        .await
    {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if (400..500).contains(&status.code) => {
            Ok(Some(status.message.clone()))
        }
        Err(other) => Err(other.into()),
    }
}

/// Every table by name.
fn tables() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("additional", additional::cases()),
        ("blue_green", blue_green::cases()),
        ("gates", gates::cases()),
        ("companions", companions::cases()),
        ("components", components::cases()),
        ("health", health::cases()),
        ("metadata", metadata::cases()),
        ("names", names::cases()),
        ("network", network::cases()),
        ("odd", odd::cases()),
        ("opaque", opaque::cases()),
        ("placement", placement::cases()),
        ("references", references::cases()),
        ("resources", resources::cases()),
        ("routing", routing::cases()),
        ("security", security::cases()),
        ("storage", storage::cases()),
        ("values", values::cases()),
        ("variables", variables::cases()),
    ]
}

/// Every case of every table.
pub fn all_cases() -> Vec<Case> {
    tables().into_iter().flat_map(|(_, cases)| cases).collect()
}

/// What is wrong with what became of each case, and the messages of the refusals.
async fn judged(ns: &Namespace, cases: &[Case]) -> Result<(Vec<String>, Vec<String>)> {
    let sent = stream::iter(cases).map(async |case| {
        let refusal = refusal(&ns.client, ns, &case.object).await;
        let refusal = refusal.with_context(|| case.what.clone())?;
        Ok::<_, anyhow::Error>((case, refusal))
    });
    let mut sent = sent.buffer_unordered(AT_ONCE);
    let (mut wrong, mut messages) = (Vec::new(), Vec::new());
    while let Some(answer) = sent.next().await {
        let (case, refusal) = answer?;
        if let Some(problem) = judge(case, refusal.as_deref()) {
            wrong.push(format!("{}: {problem}", case.what));
        }
        messages.extend(refusal);
    }
    Ok((wrong, messages))
}

fn judge(case: &Case, refusal: Option<&str>) -> Option<String> {
    let short = |message: &str| message.chars().take(600).collect::<String>();
    match (&case.refusal, refusal) {
        (None, Some(message)) => Some(format!("is refused: {}", short(message))),
        (Some(_), None) => Some("is accepted".to_owned()),
        (Some(parts), Some(message)) => {
            let missing = parts.iter().find(|part| !message.contains(part.as_str()))?;
            Some(format!("the refusal lacks {missing:?}: {}", short(message)))
        }
        (None, None) => None,
    }
}

/// Every message of a CEL rule below `schema`.
fn rule_messages(schema: &Value, messages: &mut BTreeSet<String>) {
    let rules = schema
        .get("x-kubernetes-validations")
        .and_then(Value::as_array);
    let texts = rules
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.get("message")?.as_str());
    messages.extend(texts.map(str::to_owned));
    match schema {
        Value::Object(map) => map
            .values()
            .for_each(|value| rule_messages(value, messages)),
        Value::Array(items) => items.iter().for_each(|item| rule_messages(item, messages)),
        _ => {}
    }
}

/// Both facts in one test, since asking the API server about each object takes a while.
#[tokio::test]
async fn every_case_becomes_what_it_should_and_every_rule_refuses_one() -> Result<()> {
    support::run("tables", async |ns| {
        let mut untested = BTreeSet::new();
        rule_messages(&json!(crd::restapi()), &mut untested);
        ensure!(
            untested.len() >= 50,
            "only {} rules were found in the CRD",
            untested.len()
        );
        // What compares with the stored object has a test of its own.
        untested.retain(|rule| !updates::RULES.contains(&rule.as_str()));
        let mut wrong = Vec::new();
        for (table, cases) in tables() {
            let (problems, messages) = judged(&ns, &cases).await?;
            let count = cases.len();
            wrong.extend(
                problems
                    .into_iter()
                    .map(|p| format!("{table} (of {count}): {p}")),
            );
            untested.retain(|rule| !messages.iter().any(|message| message.contains(rule)));
        }
        ensure!(
            wrong.is_empty(),
            "{} cases:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        ensure!(
            untested.is_empty(),
            "no object of the tables breaks these rules: {untested:#?}"
        );
        Ok(())
    })
    .await
}
