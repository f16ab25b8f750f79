//! Environment variables.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::values::reference;
use crate::schema::{by_name, list, remove, set, with_rules};

/// At most 128 variables of at most 4,096 characters, none of which is the operator's own.
pub(crate) fn env_vars(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 128,
        "additionalProperties": {"type": "string", "maxLength": 4096},
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, k.size() <= 128 && k.matches('^[A-Za-z_][-A-Za-z0-9_.]*$'))",
                "message": "envVars holds a name that is none of an environment variable: start with a letter or '_', go on with letters, digits, '_', '-' or '.', at most 128 characters"
            },
            {
                "rule": "self.all(k, !k.startsWith('RESTAPI_') && !(k in ['MODEL_URL', 'VIEW_URL', 'CONTROLLER_URL', 'REPOSITORY_URL']))",
                "message": "envVars must not set MODEL_URL, VIEW_URL, CONTROLLER_URL, REPOSITORY_URL nor names that start with RESTAPI_: the operator sets these; choose another name"
            }
        ]
    })
}

/// At most 64 variables in Kubernetes' own form, for `valueFrom`.
pub(crate) fn env(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = by_name(list::<EnvVar, 64>(generator));
    // A divisor must fit its resource; without it cores are rounded up and bytes are bytes. A field's API
    // version can only be v1.
    for field in [
        "resourceFieldRef/properties/divisor",
        "fieldRef/properties/apiVersion",
    ] {
        let of_source = "/items/properties/valueFrom/properties";
        remove(&mut schema, &format!("{of_source}/{field}"));
    }
    for (field, keywords) in variable() {
        set(
            &mut schema,
            &format!("/items/properties/{field}"),
            &keywords,
        );
    }
    with_rules(
        schema,
        &[
            (
                "self.all(e, !e.name.startsWith('RESTAPI_') && !(e.name in ['MODEL_URL', 'VIEW_URL', 'CONTROLLER_URL', 'REPOSITORY_URL']))",
                "env must not set MODEL_URL, VIEW_URL, CONTROLLER_URL, REPOSITORY_URL nor names that start with RESTAPI_: the operator sets these; choose another name",
            ),
            (
                "self.all(e, !has(e.value) || !has(e.valueFrom))",
                "env sets value and valueFrom of one variable: keep one of the two",
            ),
            (
                "self.all(e, !has(e.valueFrom) || [has(e.valueFrom.configMapKeyRef), has(e.valueFrom.secretKeyRef), has(e.valueFrom.fieldRef), has(e.valueFrom.resourceFieldRef)].exists_one(is, is))",
                "env has a valueFrom that names not exactly one source: set one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef",
            ),
        ],
    )
}

/// Bounds of the fields of a variable.
fn variable() -> [(&'static str, Value); 8] {
    [
        (
            "name",
            json!({"maxLength": 128, "pattern": "^[A-Za-z_][-A-Za-z0-9_.]*$"}),
        ),
        ("value", json!({"maxLength": 4096})),
        (
            "valueFrom/properties/configMapKeyRef/properties/name",
            reference(),
        ),
        (
            "valueFrom/properties/configMapKeyRef/properties/key",
            data_key(),
        ),
        (
            "valueFrom/properties/secretKeyRef/properties/name",
            reference(),
        ),
        (
            "valueFrom/properties/secretKeyRef/properties/key",
            data_key(),
        ),
        (
            "valueFrom/properties/fieldRef/properties/fieldPath",
            json!({"maxLength": 270, "pattern": FIELD_PATH}),
        ),
        (
            "valueFrom/properties/resourceFieldRef/properties/resource",
            json!({"maxLength": 32, "pattern": r"^(limits|requests)\.(cpu|memory|ephemeral-storage)$"}),
        ),
    ]
}

/// What of its own pod a variable can hold.
const FIELD_PATH: &str = r"^(metadata\.(name|namespace|uid|(labels|annotations)\['([a-z0-9]+(-+[a-z0-9]+|\.[a-z0-9]+)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?'\])|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?))$";

/// Keywords of the key of a ConfigMap's or Secret's data. It is never `.` or `..`, nor starts with these.
fn data_key() -> Value {
    json!({"minLength": 1, "maxLength": 253, "pattern": r"^\.?[-_A-Za-z0-9][-._A-Za-z0-9]*$"})
}

/// At most 16 ConfigMaps and Secrets whose keys become variables.
pub(crate) fn env_from(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = list::<EnvFromSource, 16>(generator);
    let of = |field: &str| format!("/items/properties/{field}");
    set(
        &mut schema,
        &of("configMapRef/properties/name"),
        &reference(),
    );
    set(&mut schema, &of("secretRef/properties/name"), &reference());
    set(
        &mut schema,
        &of("prefix"),
        &json!({"maxLength": 128, "pattern": "^[A-Za-z_][-A-Za-z0-9_.]*$"}),
    );
    with_rules(
        schema,
        &[
            (
                "self.all(e, has(e.configMapRef) != has(e.secretRef))",
                "envFrom holds an entry that names not exactly one source: set configMapRef or secretRef",
            ),
            (
                "self.all(e, !has(e.prefix) || !e.prefix.startsWith('RESTAPI_'))",
                "envFrom must not use the prefix RESTAPI_, which is the operator's",
            ),
        ],
    )
}
