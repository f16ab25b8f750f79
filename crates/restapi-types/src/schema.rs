//! Schemas that the derive can't make: Kubernetes' own types with bounds, and lists and maps with keys.
//!
//! Every string, list and map of the CRD is bounded, because the API server estimates the cost of
//! validation rules from the bounds, and because nobody should be able to store a megabyte in one field.
//! Descriptions of Kubernetes' own types are left out: with them the CRD would be too large for
//! `kubectl apply`, which keeps a copy of it in an annotation of at most 262,144 bytes.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The longest string inside a Kubernetes type, in characters.
const MAX_STRING: usize = 1024;
/// The longest number or port that is written as a string, in characters.
const MAX_NUMBER: usize = 32;
/// The most items of a list inside a Kubernetes type.
const MAX_ITEMS: usize = 32;
/// The most entries of a map inside a Kubernetes type.
const MAX_ENTRIES: usize = 32;

/// A Kubernetes type, bounded and without descriptions.
pub(crate) fn embedded<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    bound(&mut schema);
    schema
}

/// One of the words of `T`, of which the field says what they mean there.
pub(crate) fn choice<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    schema.remove("description");
    schema
}

/// A list of at most `N` values of a Kubernetes type.
pub(crate) fn list<T: JsonSchema, const N: usize>(generator: &mut SchemaGenerator) -> Schema {
    let items = embedded::<T>(generator);
    schemars::json_schema!({"type": "array", "maxItems": N, "items": items})
}

/// A list of at most `N` values of a type of ours, which has bounds and descriptions of its own.
pub(crate) fn own_list<T: JsonSchema, const N: usize>(generator: &mut SchemaGenerator) -> Schema {
    let items = generator.subschema_for::<T>();
    schemars::json_schema!({"type": "array", "maxItems": N, "items": items})
}

/// Like [`own_list`], but merged item by item, by the field `name`, which is required.
pub(crate) fn own_list_by_name<T: JsonSchema, const N: usize>(
    generator: &mut SchemaGenerator,
) -> Schema {
    by_name(own_list::<T, N>(generator))
}

/// A type of ours without descriptions, which stand elsewhere in the CRD: it has little room.
pub(crate) fn bare<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    each(schema.ensure_object(), &mut |schema| {
        schema.remove("description");
    });
    schema
}

/// Makes a list merge item by item, by the field `name`.
pub(crate) fn by_name(list: Schema) -> Schema {
    merged_by(list, &["name"])
}

/// Makes a list merge item by item, by these fields, which are required; no two items have the same.
pub(crate) fn merged_by(mut list: Schema, fields: &[&str]) -> Schema {
    set(&mut list, "", &keys(fields));
    list
}

/// Keywords of a list that merges item by item, by these fields.
pub(crate) fn keys(fields: &[&str]) -> Value {
    json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": fields})
}

/// Adds validation rules, each with its message.
pub(crate) fn with_rules(mut schema: Schema, rules: &[(&str, &str)]) -> Schema {
    let rules = rules
        .iter()
        .map(|(rule, message)| json!({"rule": rule, "message": message}));
    let all = schema
        .ensure_object()
        .entry("x-kubernetes-validations")
        .or_insert_with(|| json!([]));
    if let Some(all) = all.as_array_mut() {
        all.extend(rules);
    }
    schema
}

/// Sets bounds or other keywords of a property, at a JSON pointer into the schema. A string with an `enum`
/// needs no other bound.
pub(crate) fn set(schema: &mut Schema, pointer: &str, keywords: &Value) {
    edit(schema, pointer, |at| {
        at.extend(keywords.as_object().cloned().unwrap_or_default());
        if at.contains_key("enum") {
            at.remove("maxLength");
        }
    });
}

/// Takes a property away, at a JSON pointer into the schema: a strict client is told that there is no such
/// field, and any other's value is dropped.
pub(crate) fn remove(schema: &mut Schema, pointer: &str) {
    if let Some((properties, name)) = pointer.rsplit_once('/') {
        edit(schema, properties, |at| {
            at.remove(name);
        });
    }
}

fn edit(schema: &mut Schema, pointer: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut whole = Value::Object(std::mem::take(schema.ensure_object()));
    if let Some(Value::Object(at)) = whole.pointer_mut(pointer) {
        change(at);
    }
    if let Value::Object(map) = whole {
        *schema.ensure_object() = map;
    }
}

/// Takes out what a field of the spec does not need. `nullable` would store a null where without it null
/// is dropped, as in Kubernetes' own kinds; a format says nothing beside a least and a greatest number.
pub(crate) fn compact(schema: &mut Map<String, Value>) {
    each(schema, &mut |schema| {
        schema.remove("nullable");
        if schema.contains_key("minimum") && schema.contains_key("maximum") {
            schema.remove("format");
        }
    });
}

fn bound(schema: &mut Schema) {
    each(schema.ensure_object(), &mut |schema| {
        schema.remove("description");
        let has_values = schema.contains_key("additionalProperties");
        match schema.get("type").and_then(Value::as_str) {
            Some("string") if !schema.contains_key("enum") && !schema.contains_key("format") => {
                limit(schema, "maxLength", MAX_STRING);
            }
            Some("array") => limit(schema, "maxItems", MAX_ITEMS),
            Some("object") if has_values => limit(schema, "maxProperties", MAX_ENTRIES),
            None if schema.contains_key("x-kubernetes-int-or-string") => {
                limit(schema, "maxLength", MAX_NUMBER);
            }
            _ => {}
        }
    });
}

/// Changes a schema and every schema inside it.
fn each(schema: &mut Map<String, Value>, change: &mut impl FnMut(&mut Map<String, Value>)) {
    change(schema);
    for keyword in ["items", "additionalProperties"] {
        if let Some(Value::Object(inner)) = schema.get_mut(keyword) {
            each(inner, change);
        }
    }
    // A property may itself be called `description`, so the map of properties is no schema.
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut() {
            if let Value::Object(inner) = property {
                each(inner, change);
            }
        }
    }
}

fn limit(schema: &mut Map<String, Value>, keyword: &str, most: usize) {
    schema.entry(keyword).or_insert_with(|| json!(most));
}
