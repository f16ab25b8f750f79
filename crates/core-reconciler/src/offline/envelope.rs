//! What stands around a spec: version, kind and metadata.

use kube::Resource as _;
use kube::core::ObjectMeta;
use restapi_types::RestAPI;
use serde_json::{Map, Value};

use super::findings::Finding;
use super::schema::unknown_field;

/// The fields of an object.
const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// The fields of `metadata`.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What is wrong with an object around its spec.
pub(super) fn findings(object: &Value) -> Vec<Finding> {
    let Value::Object(fields) = object else {
        let fix = "write apiVersion, kind, metadata and spec";
        return vec![Finding::refused("type", "", "it is no object", fix)];
    };
    let mut found = unknown(fields, &FIELDS, "");
    let wanted = [
        ("apiVersion", RestAPI::api_version(&())),
        ("kind", RestAPI::kind(&())),
    ];
    for (field, wanted) in wanted {
        if fields.get(field).and_then(Value::as_str) != Some(&wanted) {
            let message = format!("it is not {wanted}");
            let fix = format!("write {field}: {wanted}");
            found.push(Finding::refused("version", field, message, fix));
        }
    }
    found.extend(metadata(fields.get("metadata").unwrap_or(&Value::Null)));
    if fields.get("spec").is_none_or(Value::is_null) {
        let fix = "write what the application is made of";
        found.push(Finding::refused("required", "spec", "it is absent", fix));
    }
    found
}

fn metadata(value: &Value) -> Vec<Finding> {
    let named = |fields: &Map<String, Value>| fields.contains_key("name");
    let Some(fields) = value.as_object().filter(|fields| named(fields)) else {
        let fix = "name the application";
        return vec![Finding::refused(
            "required",
            "metadata.name",
            "it is absent",
            fix,
        )];
    };
    let mut found = unknown(fields, &METADATA, "metadata.");
    if let Err(error) = serde_json::from_value::<ObjectMeta>(value.clone()) {
        let fix = "write strings, and maps of strings";
        found.push(Finding::refused("type", "metadata", error.to_string(), fix));
    }
    found
}

fn unknown(fields: &Map<String, Value>, known: &[&str], path: &str) -> Vec<Finding> {
    fields
        .keys()
        .filter(|field| !known.contains(&field.as_str()))
        .map(|field| unknown_field(&format!("{path}{field}"), field, known.iter().copied()))
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::offline::schema::UNKNOWN_FIELD;

    fn object() -> Value {
        json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI", "metadata": {"name": "a"}, "spec": {}})
    }

    #[test]
    fn a_whole_object_is_fine() {
        assert_eq!(findings(&object()), []);
        let stored = json!(ObjectMeta {
            name: Some("a".into()),
            uid: Some("u".into()),
            ..ObjectMeta::default()
        });
        let mut object = object();
        object["metadata"] = stored;
        assert_eq!(findings(&object), []);
    }

    #[rstest]
    #[case("/apiVersion", json!("restapi.dev/v1"), "version", "apiVersion")]
    #[case("/kind", json!("RestApi"), "version", "kind")]
    #[case("/metadata", json!({}), "required", "metadata.name")]
    #[case("/metadata", json!(null), "required", "metadata.name")]
    #[case("/metadata", json!({"name": "a", "lables": {}}), UNKNOWN_FIELD, "metadata.lables")]
    #[case("/metadata", json!({"name": "a", "labels": {"a": 1}}), "type", "metadata")]
    #[case("/spec", json!(null), "required", "spec")]
    fn each_mistake_is_named(
        #[case] pointer: &str,
        #[case] value: Value,
        #[case] rule: &str,
        #[case] field: &str,
    ) {
        let mut object = object();
        *object.pointer_mut(pointer).unwrap() = value;
        let found = findings(&object);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].rule, found[0].field.as_str()), (rule, field));
    }
}
