//! Whether the tables speak of every field: a walk over the CRD's schema.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use restapi_types::crd;
use serde_json::{Value, json};

use super::{Case, all_cases};

/// The schema of `spec`.
pub fn spec_schema() -> Value {
    let crd = json!(crd::restapi());
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    crd.pointer(path).cloned().unwrap_or_default()
}

/// Paths of the fields below `schema`, which stands at `path`. Those of a component are there once, below
/// `spec.COMPONENT`.
pub fn fields(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(keyword) {
            fields(inner, path, found);
        }
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = common(&format!("{path}.{name}"));
        found.insert(path.clone());
        fields(inner, &path, found);
    }
}

/// Paths of the fields that are set in `value`, by the schema that it follows.
pub fn set(value: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => {
            for item in items {
                set(item, &schema["items"], path, found);
            }
        }
        Value::Object(entries) => {
            for (name, value) in entries {
                let Some(inner) = schema["properties"].get(name) else {
                    continue;
                };
                let path = common(&format!("{path}.{name}"));
                found.insert(path.clone());
                set(value, inner, &path, found);
            }
        }
        _ => {}
    }
}

/// The same path for each component.
fn common(path: &str) -> String {
    let components = [
        "model",
        "view",
        "controller",
        "repository",
        "additionalComponents.template",
    ];
    for component in components {
        let Some(rest) = path.strip_prefix(&format!("spec.{component}")) else {
            continue;
        };
        if rest.is_empty() || rest.starts_with('.') {
            return format!("spec.COMPONENT{rest}");
        }
    }
    path.to_owned()
}

/// What a case speaks of, as a path of a field.
fn about(path: &str) -> String {
    common(&path.replace("[0]", ""))
}

fn covered(cases: &[Case], schema: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut accepted, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for case in cases {
        if case.refusal.is_none() {
            set(&case.object["spec"], schema, "spec", &mut accepted);
        } else {
            refused.extend(case.about.iter().map(|path| about(path)));
        }
    }
    (accepted, refused)
}

#[test]
fn every_field_is_accepted_once_and_refused_once() -> Result<()> {
    let schema = spec_schema();
    let mut all = BTreeSet::new();
    fields(&schema, "spec", &mut all);
    ensure!(
        all.len() > 250,
        "only {} fields were found in the CRD",
        all.len()
    );
    let (accepted, refused) = covered(&all_cases(), &schema);
    let never_accepted: Vec<_> = all.difference(&accepted).collect();
    let never_refused: Vec<_> = all.difference(&refused).collect();
    ensure!(
        never_accepted.is_empty() && never_refused.is_empty(),
        "fields in no accepted case: {never_accepted:#?}\nfields in no refused case: {never_refused:#?}"
    );
    Ok(())
}

#[test]
fn there_are_enough_refusals() -> Result<()> {
    let cases = all_cases();
    let refusals = cases.iter().filter(|case| case.refusal.is_some()).count();
    ensure!(
        refusals >= 1000,
        "{refusals} of {} cases are refusals",
        cases.len()
    );
    Ok(())
}
