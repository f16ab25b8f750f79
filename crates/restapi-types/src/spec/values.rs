//! Schemas of single values that several fields share.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// What the name of an object is made of: parts of letters, digits and '-', with dots between them.
const SUBDOMAIN: &str = r"^[a-z0-9]+(-+[a-z0-9]+|\.[a-z0-9]+)*$";

/// What the name of a container or a volume is made of.
pub(crate) const LABEL: &str = "^[a-z0-9]+(-+[a-z0-9]+)*$";

/// What the key of a label is made of: `[PREFIX/]NAME`.
pub(crate) const QUALIFIED: &str =
    r"^([a-z0-9]+(-+[a-z0-9]+|\.[a-z0-9]+)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

/// The value of a label.
pub(crate) const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";

/// Keywords of the key of a label inside a Kubernetes type.
pub(crate) fn qualified() -> Value {
    // A prefix has at most 253 characters, which a pattern can't say.
    json!({"maxLength": 253, "pattern": QUALIFIED})
}

/// Keywords of the value of a label inside a Kubernetes type.
pub(crate) fn label_value() -> Value {
    json!({"maxLength": 63, "pattern": LABEL_VALUE})
}

/// Keywords of a port inside a Kubernetes type: its number or its name.
pub(crate) fn port() -> Value {
    json!({
        "minimum": 1,
        "maximum": 65535,
        "maxLength": 15,
        "pattern": "^([0-9]-?)*[a-z](-?[a-z0-9])*$"
    })
}

/// Keywords of a number from `least` to `most`.
pub(crate) fn from_to(least: i64, most: i64) -> Value {
    json!({"minimum": least, "maximum": most})
}

/// Keywords of a reference to an object of the same namespace inside a Kubernetes type. Its name becomes a
/// part of a request's path, so that it must not hold a `/`.
pub(crate) fn reference() -> Value {
    json!({"minLength": 1, "maxLength": 253, "pattern": SUBDOMAIN})
}

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
        "pattern": SUBDOMAIN
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
            "pattern": r"^(\*\.)?[a-z0-9]+(-+[a-z0-9]+|\.[a-z0-9]+)*$"
        },
        "x-kubernetes-validations": [{
            "rule": "self.all(h, !isIP(h))",
            "message": "an address is no host name: write a name such as shop.example.com, or leave it out to serve all"
        }]
    })
}

/// The path that a route compares. What proxies would resolve or decode before they compare is refused.
pub(crate) fn route_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 512,
        "pattern": r"^/([-A-Za-z0-9._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$",
        "x-kubernetes-validations": [{
            "rule": "!self.contains('//') && !self.contains('/./') && !self.contains('/../') && !self.endsWith('/.') && !self.endsWith('/..') && !self.lowerAscii().contains('%2f')",
            "message": "a route's path must not hold '//', a part '.' or '..', nor a '/' written as %2F: no request's path does once it was cleaned"
        }]
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
