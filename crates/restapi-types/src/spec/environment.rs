//! Environment variables.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::schema::{by_name, list, set, with_rules};

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
                "rule": "self.all(k, !k.startsWith('RESTAPI_'))",
                "message": "envVars must not set names that start with RESTAPI_: the operator sets these in every pod; choose another name"
            },
            {
                "rule": "self.all(k, !(k in ['MODEL_URL', 'VIEW_URL', 'CONTROLLER_URL', 'REPOSITORY_URL']))",
                "message": "envVars must not set MODEL_URL, VIEW_URL, CONTROLLER_URL or REPOSITORY_URL: the operator sets the addresses of the other components; choose another name"
            }
        ]
    })
}

/// At most 64 variables in Kubernetes' own form, for `valueFrom`.
pub(crate) fn env(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = by_name(list::<EnvVar, 64>(generator));
    set(
        &mut schema,
        "/items/properties/name",
        "maxLength",
        json!(128),
    );
    set(
        &mut schema,
        "/items/properties/value",
        "maxLength",
        json!(4096),
    );
    with_rules(
        schema,
        &[
            (
                "self.all(e, e.name.matches('^[A-Za-z_][-A-Za-z0-9_.]*$'))",
                "env holds a name that is none of an environment variable: start with a letter or '_', go on with letters, digits, '_', '-' or '.'",
            ),
            (
                "self.all(e, !e.name.startsWith('RESTAPI_'))",
                "env must not set names that start with RESTAPI_: the operator sets these in every pod; choose another name",
            ),
            (
                "self.all(e, !(e.name in ['MODEL_URL', 'VIEW_URL', 'CONTROLLER_URL', 'REPOSITORY_URL']))",
                "env must not set MODEL_URL, VIEW_URL, CONTROLLER_URL or REPOSITORY_URL: the operator sets the addresses of the other components; choose another name",
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

/// At most 16 ConfigMaps and Secrets whose keys become variables.
pub(crate) fn env_from(generator: &mut SchemaGenerator) -> Schema {
    let schema = list::<EnvFromSource, 16>(generator);
    with_rules(
        schema,
        &[
            (
                "self.all(e, has(e.configMapRef) != has(e.secretRef))",
                "envFrom holds an entry that names not exactly one source: set configMapRef or secretRef",
            ),
            (
                "self.all(e, !has(e.configMapRef) || (has(e.configMapRef.name) && e.configMapRef.name != ''))",
                "envFrom holds a configMapRef without a name: name the ConfigMap",
            ),
            (
                "self.all(e, !has(e.secretRef) || (has(e.secretRef.name) && e.secretRef.name != ''))",
                "envFrom holds a secretRef without a name: name the Secret",
            ),
            (
                "self.all(e, !has(e.prefix) || !e.prefix.startsWith('RESTAPI_'))",
                "envFrom must not use the prefix RESTAPI_: the operator sets such names in every pod; choose another prefix",
            ),
        ],
    )
}
