//! Schemas of single values that several fields share.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A reference to a container image. No more is checked than what can never be pulled.
pub(crate) fn image(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 512,
        "x-kubernetes-validations": [{
            "rule": r"self.matches('^[a-zA-Z0-9][-a-zA-Z0-9._:/@]*$')",
            "message": "image is not a reference to an image: write NAME, NAME:TAG or NAME@DIGEST, without spaces"
        }]
    })
}

/// A command line: at most 64 words of at most 2,048 characters.
pub(crate) fn words(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": {"type": "string", "maxLength": 2048}
    })
}

/// The name of an object in the same namespace.
pub(crate) fn object_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 253,
        "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
    })
}

/// A host name, with `*.` in front for all of its subdomains.
pub(crate) fn host_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 253,
            "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
        }
    })
}

/// The path of an HTTP request.
pub(crate) fn url_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 512,
        "pattern": r"^/[-A-Za-z0-9._~!$&'()*+,;=:@%/?]*$"
    })
}

/// A number of pods from 0 to 1000, or a share of them from `0%` to `100%`.
pub(crate) fn pods_or_percent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "minimum": 0,
        "maximum": 1000,
        "maxLength": 4,
        "pattern": "^([0-9]|[1-9][0-9]|100)%$"
    })
}

/// A quantity: a number or a short string.
pub(crate) fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "maxLength": 32
    })
}

/// The name of the component that a route leads to.
pub(crate) fn component_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 15,
        "pattern": "^[a-z][a-z0-9]*$"
    })
}
