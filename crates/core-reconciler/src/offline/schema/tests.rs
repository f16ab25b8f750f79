//! Bounds, one by one, and that the CRD has no others.

use rstest::rstest;
use serde_json::json;

use super::*;

/// The keywords that are checked, or that say nothing about what is allowed. `anyOf` only ever says again
/// that a value is an integer or a string.
const KNOWN: [&str; 23] = [
    "additionalProperties",
    "anyOf",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
];

/// What the rules' own module checks, and what leaves a field open.
const ELSEWHERE: [&str; 2] = [
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

fn each(schema: &Value, visit: &mut impl FnMut(&Schema)) {
    let Value::Object(schema) = schema else {
        return;
    };
    visit(schema);
    for keyword in ["items", "additionalProperties"] {
        each(schema.get(keyword).unwrap_or(&Value::Null), visit);
    }
    for property in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::values)
    {
        each(property, visit);
    }
}

#[test]
fn the_crd_uses_no_keyword_that_is_not_checked() {
    let crd = json!(restapi_types::crd::restapi());
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut schemas = 0;
    each(spec, &mut |schema| {
        schemas += 1;
        for keyword in schema.keys().map(String::as_str) {
            let is_known = KNOWN.contains(&keyword) || ELSEWHERE.contains(&keyword);
            assert!(is_known, "{keyword}");
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            Regex::new(pattern).unwrap();
        }
        if let Some(any_of) = schema.get("anyOf") {
            let kinds = any_of.as_array().unwrap().iter();
            let of = [None, Some("integer"), Some("string")];
            assert!(
                kinds.map(|k| k["type"].as_str()).all(|k| of.contains(&k)),
                "{any_of}"
            );
            assert!(any_of.to_string().len() < 50, "{any_of}");
            assert!(is_set(schema, "x-kubernetes-int-or-string"));
        }
    });
    assert!(schemas > 1000, "{schemas}");
}

#[rstest]
#[case::string(json!({"type": "string"}), json!("a"), json!(1), "type")]
#[case::integer(json!({"type": "integer"}), json!(1), json!("1"), "type")]
#[case::whole(json!({"type": "integer"}), json!(1), json!(1.5), "type")]
#[case::boolean(json!({"type": "boolean"}), json!(true), json!("true"), "type")]
#[case::object(json!({"type": "object", "additionalProperties": {"type": "string"}}), json!({"a": "b"}), json!([]), "type")]
#[case::array(json!({"type": "array"}), json!([]), json!({}), "type")]
#[case::null(json!({"type": "string", "nullable": true}), json!(null), json!(1), "type")]
#[case::not_null(json!({"type": "string"}), json!(""), json!(null), "type")]
#[case::either(json!({"x-kubernetes-int-or-string": true}), json!("1%"), json!(true), "type")]
#[case::choice(json!({"type": "string", "enum": ["A", "B"]}), json!("A"), json!("C"), "choice")]
#[case::lowest(json!({"type": "integer", "minimum": 1}), json!(1), json!(0), "range")]
#[case::highest(json!({"type": "integer", "maximum": 9}), json!(9), json!(10), "range")]
#[case::width(json!({"type": "integer", "format": "int32"}), json!(i32::MAX), json!(1_i64 << 31), "range")]
#[case::shortest(json!({"type": "string", "minLength": 1}), json!("a"), json!(""), "length")]
#[case::longest(json!({"type": "string", "maxLength": 2}), json!("ää"), json!("aaa"), "length")]
#[case::fewest(json!({"type": "array", "minItems": 1}), json!([1]), json!([]), "length")]
#[case::most(json!({"type": "array", "maxItems": 1}), json!([1]), json!([1, 2]), "length")]
#[case::entries(json!({"type": "object", "maxProperties": 1, "additionalProperties": {}}), json!({"a": 1}), json!({"a": 1, "b": 2}), "length")]
#[case::pattern(json!({"type": "string", "pattern": "^a+$"}), json!("aa"), json!("ab"), "pattern")]
#[case::required(json!({"type": "object", "required": ["a"], "properties": {"a": {}}}), json!({"a": 1}), json!({}), "required")]
#[case::unknown(json!({"type": "object", "properties": {"a": {}}}), json!({"a": 1}), json!({"b": 1}), UNKNOWN_FIELD)]
#[case::twice(
    json!({"type": "array", "x-kubernetes-list-map-keys": ["name"]}),
    json!([{"name": "a"}, {"name": "b"}]), json!([{"name": "a"}, {"name": "a"}]), "duplicate"
)]
fn each_bound_holds(
    #[case] schema: Value,
    #[case] good: Value,
    #[case] bad: Value,
    #[case] rule: &str,
) {
    assert_eq!(violations(&schema, &good, "f"), []);
    let found: Vec<_> = violations(&schema, &bad, "f")
        .iter()
        .map(|f| f.rule)
        .collect();
    assert_eq!(found, [rule]);
}

#[test]
fn the_path_leads_to_what_is_wrong() {
    let schema = json!({"type": "object", "properties": {
        "list": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}}});
    let found = violations(&schema, &json!({"list": [{}, {"name": 1}]}), "spec");
    assert_eq!(found[0].field, "spec.list[1].name");
}

#[test]
fn an_open_field_takes_anything_but_what_it_declares_otherwise() {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"a": {"type": "string"}}});
    assert_eq!(violations(&schema, &json!({"b": {"c": 1}}), ""), []);
    assert_eq!(violations(&schema, &json!({"a": 1}), "").len(), 1);
}

#[rstest]
#[case("replcas", Some("replicas"))]
#[case("Image", Some("image"))]
#[case("envVar", Some("envVars"))]
#[case("somethingElse", None)]
fn a_typo_is_told_from_an_invention(#[case] typo: &str, #[case] meant: Option<&str>) {
    let known = ["replicas", "image", "envVars", "env"];
    let fix = unknown_field(typo, typo, known.into_iter()).fix.unwrap();
    match meant {
        Some(meant) => assert!(fix.starts_with(&format!("write {meant},")), "{fix}"),
        None => assert!(fix.starts_with("remove it"), "{fix}"),
    }
}

#[test]
fn null_is_absent() {
    let value = json!({"a": null, "b": [{"c": null, "d": 1}]});
    assert_eq!(without_nulls(&value), json!({"b": [{"d": 1}]}));
}
