//! The bounds of the CRD, held against a document: what the API server checks before its rules.
//!
//! Only the keywords that the CRD uses are known; a test fails when it begins to use another.

use regex::Regex;
use serde_json::{Map, Value};

use super::findings::Finding;

/// The rule's name of fields that don't exist.
pub(super) const UNKNOWN_FIELD: &str = "unknown-field";

/// How many edits away a field's name may be to be what was meant.
const MOST_EDITS: usize = 3;

type Schema = Map<String, Value>;

/// What `value`, which stands at `path`, has that `schema` does not allow.
pub(super) fn violations(schema: &Value, value: &Value, path: &str) -> Vec<Finding> {
    let mut walk = Walk::default();
    if let Value::Object(schema) = schema {
        walk.value(schema, value, path);
    }
    walk.found
}

/// A field that does not exist, with the one that was most likely meant.
pub(super) fn unknown_field<'a>(
    path: &str,
    field: &str,
    known: impl Iterator<Item = &'a str>,
) -> Finding {
    let lower = field.to_lowercase();
    let nearest = known
        .map(|name| {
            let edits = strsim::damerau_levenshtein(&lower, &name.to_lowercase());
            (edits, name)
        })
        .filter(|(edits, name)| *edits <= MOST_EDITS && *edits < name.len())
        .min();
    let fix = match nearest {
        Some((_, name)) => format!("write {name}, if that is what is meant, else remove it"),
        None => "remove it, or see `kubectl explain restapi.spec` for what there is".to_owned(),
    };
    Finding::refused(UNKNOWN_FIELD, path, "there is no such field", fix)
}

/// A value without what is null, which the API server takes for absent.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[derive(Default)]
struct Walk {
    found: Vec<Finding>,
}

impl Walk {
    fn refuse(&mut self, rule: &'static str, path: &str, problem: String, fix: String) {
        self.found.push(Finding::refused(rule, path, problem, fix));
    }

    fn value(&mut self, schema: &Schema, value: &Value, path: &str) {
        if value.is_null() && is_set(schema, "nullable") {
            return;
        }
        let wanted = wanted(schema);
        if !wanted.is_empty() && !wanted.iter().any(|kind| is_of(kind, value)) {
            let problem = format!("it is {}", described(value));
            self.refuse(
                "type",
                path,
                problem,
                format!("write {}", wanted.join(" or ")),
            );
            return;
        }
        self.choice(schema, value, path);
        match value {
            Value::Object(fields) => self.object(schema, fields, path),
            Value::Array(items) => self.array(schema, items, path),
            Value::String(text) => self.string(schema, text, path),
            Value::Number(number) => self.number(schema, number, path),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn choice(&mut self, schema: &Schema, value: &Value, path: &str) {
        let Some(Value::Array(choices)) = schema.get("enum") else {
            return;
        };
        if !choices.contains(value) {
            let names: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
            let fix = format!("write one of {}", names.join(", "));
            self.refuse("choice", path, "it is none of the choices".to_owned(), fix);
        }
    }

    fn object(&mut self, schema: &Schema, fields: &Map<String, Value>, path: &str) {
        self.count(
            schema,
            ["minProperties", "maxProperties"],
            fields.len(),
            "entries",
            path,
        );
        for required in strings(schema, "required") {
            if fields.get(required).is_none_or(Value::is_null) {
                let path = joined(path, required);
                self.refuse(
                    "required",
                    &path,
                    "it is absent".to_owned(),
                    "set it".to_owned(),
                );
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema
            .get("additionalProperties")
            .and_then(Value::as_object);
        let is_open = is_set(schema, "x-kubernetes-preserve-unknown-fields");
        for (name, value) in fields {
            let path = joined(path, name);
            let property = properties
                .and_then(|all| all.get(name))
                .and_then(Value::as_object);
            if let Some(schema) = property.or(others) {
                self.value(schema, value, &path);
            } else if !is_open {
                let known = properties
                    .into_iter()
                    .flat_map(Map::keys)
                    .map(String::as_str);
                self.found.push(unknown_field(&path, name, known));
            }
        }
    }

    fn array(&mut self, schema: &Schema, items: &[Value], path: &str) {
        self.count(schema, ["minItems", "maxItems"], items.len(), "items", path);
        if let Some(Value::Object(item)) = schema.get("items") {
            for (i, value) in items.iter().enumerate() {
                self.value(item, value, &format!("{path}[{i}]"));
            }
        }
        let keys: Vec<_> = strings(schema, "x-kubernetes-list-map-keys").collect();
        if keys.is_empty() {
            return;
        }
        let key = |item: &Value| -> Vec<Option<Value>> {
            keys.iter().map(|key| item.get(*key).cloned()).collect()
        };
        for (i, item) in items.iter().enumerate() {
            if items.iter().take(i).any(|other| key(other) == key(item)) {
                let problem = format!("an item before it has the same {}", keys.join(" and "));
                let fix = "keep one of the two, or give it another".to_owned();
                self.refuse("duplicate", &format!("{path}[{i}]"), problem, fix);
            }
        }
    }

    fn string(&mut self, schema: &Schema, text: &str, path: &str) {
        let length = text.chars().count();
        self.count(
            schema,
            ["minLength", "maxLength"],
            length,
            "characters",
            path,
        );
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else {
            return;
        };
        // Every pattern of the CRD compiles: a test holds it.
        if Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text)) {
            let fix = format!("write what matches {pattern}");
            self.refuse("pattern", path, "it has not the right form".to_owned(), fix);
        }
    }

    fn number(&mut self, schema: &Schema, number: &serde_json::Number, path: &str) {
        let Some(value) = number.as_f64() else {
            return;
        };
        let (lowest, highest) = bounds(schema);
        if value < lowest {
            self.refuse(
                "range",
                path,
                format!("{number} is too small"),
                format!("write at least {lowest}"),
            );
        }
        if value > highest {
            self.refuse(
                "range",
                path,
                format!("{number} is too large"),
                format!("write at most {highest}"),
            );
        }
    }

    fn count(&mut self, schema: &Schema, keywords: [&str; 2], count: usize, of: &str, path: &str) {
        let [fewest, most] = keywords.map(|keyword| schema.get(keyword).and_then(Value::as_u64));
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        if let Some(fewest) = fewest.filter(|fewest| count < *fewest) {
            self.refuse(
                "length",
                path,
                format!("it has {count} {of}"),
                format!("write at least {fewest}"),
            );
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.refuse(
                "length",
                path,
                format!("it has {count} {of}"),
                format!("write at most {most}"),
            );
        }
    }
}

fn is_set(schema: &Schema, keyword: &str) -> bool {
    schema.get(keyword) == Some(&Value::Bool(true))
}

fn strings<'a>(schema: &'a Schema, keyword: &str) -> impl Iterator<Item = &'a str> {
    let all = schema.get(keyword).and_then(Value::as_array);
    all.into_iter().flatten().filter_map(Value::as_str)
}

fn joined(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

/// The kinds of values that a schema allows; any, when it names none.
fn wanted(schema: &Schema) -> Vec<&str> {
    if is_set(schema, "x-kubernetes-int-or-string") {
        return vec!["integer", "string"];
    }
    schema
        .get("type")
        .and_then(Value::as_str)
        .into_iter()
        .collect()
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false, in YAML also yes and no: strings need quotes",
        Value::Number(_) => "a number: strings need quotes",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The lowest and the highest number that a schema allows.
fn bounds(schema: &Schema) -> (f64, f64) {
    let (lowest, highest) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    (
        bound("minimum").unwrap_or(lowest),
        bound("maximum").unwrap_or(highest),
    )
}

#[cfg(test)]
mod tests;
