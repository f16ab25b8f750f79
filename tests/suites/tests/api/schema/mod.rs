//! What admission accepts and refuses: every rule and bound of the CRD, against the real API server.
//!
//! Each table holds objects; all are created with server-side dry-run and strict field validation.

mod components;
mod names;
mod resources;
mod values;
mod variables;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use http::Request;
use kube::Client;
use restapi_types::crd;
use serde_json::{Value, json};
use suites::namespace::Namespace;

use super::support::{self, apps::IMAGE};

/// One object and what is to become of it.
pub struct Case {
    /// What is particular about it.
    what: &'static str,
    object: Value,
    /// Nothing when it is accepted, else what the refusal must hold.
    refusal: Option<&'static [&'static str]>,
}

/// An object that is accepted.
pub fn accepted(what: &'static str, object: Value) -> Case {
    Case {
        what,
        object,
        refusal: None,
    }
}

/// An object that is refused with a message that holds each of `parts`: the field and the fix.
pub fn refused(what: &'static str, object: Value, parts: &'static [&'static str]) -> Case {
    Case {
        what,
        object,
        refusal: Some(parts),
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

async fn check(test: &str, cases: Vec<Case>) -> Result<()> {
    support::run(test, async |ns| {
        let mut wrong = Vec::new();
        for case in &cases {
            let refusal = refusal(&ns.client, &ns, &case.object).await?;
            if let Some(problem) = judge(case, refusal.as_deref()) {
                wrong.push(format!("{}: {problem}", case.what));
            }
        }
        ensure!(
            wrong.is_empty(),
            "{} of {}:\n{}",
            wrong.len(),
            cases.len(),
            wrong.join("\n")
        );
        Ok(())
    })
    .await
}

fn judge(case: &Case, refusal: Option<&str>) -> Option<String> {
    match (case.refusal, refusal) {
        (None, Some(message)) => Some(format!("is refused: {message}")),
        (Some(_), None) => Some("is accepted".to_owned()),
        (Some(parts), Some(message)) => {
            let missing = parts.iter().find(|part| !message.contains(**part))?;
            Some(format!("the refusal lacks {missing:?}: {message}"))
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

#[tokio::test]
async fn names() -> Result<()> {
    check("names", names::cases()).await
}

#[tokio::test]
async fn components() -> Result<()> {
    check("components", components::cases()).await
}

#[tokio::test]
async fn values() -> Result<()> {
    check("values", values::cases()).await
}

#[tokio::test]
async fn variables() -> Result<()> {
    check("variables", variables::cases()).await
}

#[tokio::test]
async fn resources() -> Result<()> {
    check("resources", resources::cases()).await
}

#[tokio::test]
async fn every_rule_of_the_crd_refuses_something() -> Result<()> {
    support::run("rules", async |ns| {
        let mut untested = BTreeSet::new();
        rule_messages(&json!(crd::restapi()), &mut untested);
        ensure!(
            untested.len() >= 10,
            "only {} rules were found in the CRD",
            untested.len()
        );
        let tables = [
            names::cases(),
            components::cases(),
            values::cases(),
            variables::cases(),
            resources::cases(),
        ];
        for case in tables
            .iter()
            .flatten()
            .filter(|case| case.refusal.is_some())
        {
            if let Some(message) = refusal(&ns.client, &ns, &case.object).await? {
                untested.retain(|rule| !message.contains(rule.as_str()));
            }
        }
        ensure!(
            untested.is_empty(),
            "no object of the tables breaks these rules: {untested:#?}"
        );
        Ok(())
    })
    .await
}
