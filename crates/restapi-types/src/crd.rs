//! The `CustomResourceDefinition` as it is installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::{RestAPI, schema};

/// The name of the `CustomResourceDefinition`.
pub const NAME: &str = "restapis.restapi.dev";

/// The generation that a status speaks of which nobody has written. Tools that wait for objects take one that
/// says nothing for ready; this way it says that its newest generation was not seen. It is the one default of
/// the CRD, and not in the spec: nothing that an author wrote looks changed.
pub const NOT_OBSERVED: i64 = -1;

/// The `CustomResourceDefinition` of `RestAPI`, as `kustomize/crd` installs it.
#[must_use]
pub fn restapi() -> CustomResourceDefinition {
    let mut crd = RestAPI::crd();
    for version in &mut crd.spec.versions {
        let whole = version.schema.as_mut();
        let whole = whole.and_then(|schema| schema.open_api_v3_schema.as_mut());
        let properties = whole.and_then(|schema| schema.properties.as_mut());
        let Some(properties) = properties else {
            continue;
        };
        if let Some(spec) = properties.get_mut("spec") {
            compact(spec);
        }
        if let Some(status) = properties.get_mut("status") {
            status.default = Some(JSON(json!({"observedGeneration": NOT_OBSERVED})));
        }
    }
    crd
}

/// Takes out of the spec's schema what it does not need. A schema is the same as JSON and as a value, so
/// the way there and back loses nothing.
fn compact(spec: &mut JSONSchemaProps) {
    if let Ok(Value::Object(mut map)) = serde_json::to_value(&*spec) {
        schema::compact(&mut map);
        if let Ok(compacted) = serde_json::from_value(Value::Object(map)) {
            *spec = compacted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most of an annotation, and so of what `kubectl apply` keeps a copy of.
    const ANNOTATIONS: usize = 262_144;
    /// What the CRD may take, so that there is room for fields to come: those of healing and of scaling.
    const ROOM: usize = 256_000;

    fn spec() -> Value {
        serde_json::to_value(restapi())
            .unwrap()
            .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec")
            .unwrap()
            .clone()
    }

    /// Calls `visit` with each schema below `schema` and its path: `.view.ports[].name`.
    fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
        visit(path, schema);
        for (keyword, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
            if let Some(inner) = schema.get(keyword) {
                walk(inner, &format!("{path}{mark}"), visit);
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(property, &format!("{path}.{name}"), visit);
        }
    }

    /// The paths of the schemas for which `is` holds.
    fn paths(is: impl Fn(&str, &Value) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        walk(&spec(), "spec", &mut |path, schema| {
            if is(path, schema) {
                found.push(path.to_owned());
            }
        });
        found
    }

    #[test]
    fn plain_kubectl_apply_can_keep_its_copy() {
        let size = serde_json::to_vec(&restapi()).unwrap().len();
        assert!(
            size < ANNOTATIONS,
            "{size} bytes are more than an annotation takes"
        );
        assert!(
            size <= ROOM,
            "{size} bytes leave no room for fields to come"
        );
    }

    #[test]
    fn every_string_list_map_and_number_has_bounds() {
        let unbounded = paths(|_, schema| {
            let lacks = |keyword: &str| schema.get(keyword).is_none();
            match schema["type"].as_str() {
                Some("string") => lacks("maxLength") && lacks("enum"),
                Some("array") => lacks("maxItems"),
                Some("integer" | "number") => lacks("minimum") || lacks("maximum"),
                Some("object") => {
                    schema.get("additionalProperties").is_some() && lacks("maxProperties")
                }
                None => lacks("x-kubernetes-int-or-string") || lacks("maxLength"),
                _ => false,
            }
        });
        assert_eq!(unbounded, Vec::<String>::new());
    }

    #[test]
    fn what_is_open_is_known() {
        let mut open = paths(|_, schema| schema["x-kubernetes-preserve-unknown-fields"] == true);
        open.retain(|path| path.starts_with("spec.view.") && path.matches(['.', '[']).count() <= 4);
        open.sort();
        assert_eq!(
            open,
            [
                "spec.view.affinity.nodeAffinity",
                "spec.view.affinity.podAffinity",
                "spec.view.affinity.podAntiAffinity",
                "spec.view.initContainers[]",
                "spec.view.initContainers[].securityContext",
                "spec.view.networkPolicy.egress[]",
                "spec.view.networkPolicy.ingress[]",
                "spec.view.podOverrides",
                "spec.view.podOverrides.spec",
                "spec.view.sidecars[]",
                "spec.view.sidecars[].securityContext",
                "spec.view.volumes[]",
                "spec.view.volumes[].hostPath",
                "spec.view.volumes[].projected",
            ]
        );
    }

    #[test]
    fn nothing_has_a_default_or_stores_a_null() {
        assert_eq!(
            paths(|_, schema| schema.get("default").is_some()),
            Vec::<String>::new()
        );
        assert_eq!(
            paths(|_, schema| schema["nullable"] == true),
            Vec::<String>::new()
        );
    }

    /// The operator reads no file and fetches no address that an author names, and reaches no other namespace.
    #[test]
    fn no_field_names_another_namespace_a_file_of_the_operator_or_an_address() {
        let suspicious = [
            "namespace",
            "namespaces",
            "host",
            "url",
            "uri",
            "file",
            "address",
        ];
        let holds = ["namespaceselector", "endpoint", "kubeconfig", "server"];
        let named = paths(|path, _| {
            let name = path.rsplit('.').next().unwrap_or_default().to_lowercase();
            suspicious.contains(&name.as_str()) || holds.iter().any(|part| name.contains(part))
        });
        assert_eq!(named, Vec::<String>::new());
    }
}
