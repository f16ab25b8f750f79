//! Labels and annotations that authors add.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::values::LABEL_VALUE;

/// Annotations: at most 32, none of the operator's. All of an object's together may have 256 KiB.
pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {"type": "string", "maxLength": 4096},
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, !k.startsWith('restapi.dev/') && !format.qualifiedName().validate(k).hasValue())",
                "message": "a key of annotations is [PREFIX/]NAME, of letters, digits, '-', '_' and '.', and the prefix not the operator's restapi.dev"
            }
        ]
    })
}

/// Labels: at most 32, none of the operator's.
pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {
            "type": "string",
            "maxLength": 63,
            "pattern": LABEL_VALUE
        },
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, !k.startsWith('restapi.dev/') && !k.startsWith('app.kubernetes.io/') && k != 'pod-template-hash' && !format.qualifiedName().validate(k).hasValue())",
                "message": "a key of labels is [PREFIX/]NAME, of letters, digits, '-', '_' and '.', and not restapi.dev/…, app.kubernetes.io/… or pod-template-hash, of which selectors are made"
            }
        ]
    })
}

/// Labels of nodes that pods need.
pub(crate) fn node_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {
            "type": "string",
            "maxLength": 63,
            "pattern": LABEL_VALUE
        },
        "x-kubernetes-validations": [{
            "rule": "self.all(k, !format.qualifiedName().validate(k).hasValue())",
            "message": "a key of nodeSelector is [PREFIX/]NAME, of letters, digits, '-', '_' and '.'"
        }]
    })
}
