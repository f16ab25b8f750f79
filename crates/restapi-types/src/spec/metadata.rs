//! Labels and annotations that authors add.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Annotations: at most 64, none of the operator's.
pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 4096},
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, !format.qualifiedName().validate(k).hasValue())",
                "message": "annotations hold a key that is none: write [PREFIX/]NAME, of letters, digits, '-', '_' and '.'"
            },
            {
                "rule": "self.all(k, !k.startsWith('restapi.dev/'))",
                "message": "annotations must not start with restapi.dev/: these are the operator's; choose another prefix"
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
            "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
        },
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, !format.qualifiedName().validate(k).hasValue())",
                "message": "labels hold a key that is none: write [PREFIX/]NAME, of letters, digits, '-', '_' and '.'"
            },
            {
                "rule": "self.all(k, !k.startsWith('restapi.dev/') && !k.startsWith('app.kubernetes.io/') && k != 'pod-template-hash')",
                "message": "labels must not start with restapi.dev/ or app.kubernetes.io/, nor be pod-template-hash: selectors are made of these; choose another key"
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
            "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
        },
        "x-kubernetes-validations": [{
            "rule": "self.all(k, !format.qualifiedName().validate(k).hasValue())",
            "message": "nodeSelector holds a key that is no label's: write [PREFIX/]NAME, of letters, digits, '-', '_' and '.'"
        }]
    })
}
