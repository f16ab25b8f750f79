//! What the API server would say of a document: its bounds, then its rules; and what core-reconciler would.

use kube_cel::{ErrorKind, ValidationError, Validator};
use restapi_resources::Application;
use restapi_types::{RestAPI, crd};
use serde_json::{Value, json};

use super::envelope;
use super::findings::Finding;
use super::optionals::spell_out;
use super::schema::{violations, without_nulls};

/// What stands for the uid that only a cluster gives.
pub(super) const PLACEHOLDER: &str = "00000000-0000-0000-0000-000000000000";

/// Where the schema stands in the CRD.
const SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema";

/// A document that would be accepted, and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    /// As the API server would store it, with a placeholder for the uid.
    pub(super) restapi: RestAPI,
    /// With defaults and inheritance worked out.
    pub(super) app: Application,
}

/// Admission without an API server.
pub(super) struct Admission {
    schema: Value,
    rules: Validator,
    /// The namespace of documents that name none.
    namespace: String,
}

impl Admission {
    /// Admission to that namespace, of documents that name none.
    pub(super) fn to(namespace: &str) -> Self {
        let crd = json!(crd::restapi());
        let mut schema = crd.pointer(SCHEMA).cloned().unwrap_or_default();
        spell_out(&mut schema);
        Self {
            schema,
            rules: Validator::new(),
            namespace: namespace.to_owned(),
        }
    }

    /// The document as it would be accepted.
    ///
    /// # Errors
    /// Everything for which it would be refused.
    pub(super) fn accept(&self, object: &Value) -> Result<Accepted, Vec<Finding>> {
        let object = &without_status(without_nulls(object));
        let mut found = envelope::findings(object);
        let spec = object.get("spec").unwrap_or(&Value::Null);
        if !spec.is_null() {
            let schema = self
                .schema
                .pointer("/properties/spec")
                .unwrap_or(&Value::Null);
            found.extend(violations(schema, spec, "spec"));
        }
        // Rules rely on the bounds.
        if found.is_empty() {
            found = self.broken_rules(object);
        }
        if !found.is_empty() {
            return Err(found);
        }
        let restapi = self.stored(object).map_err(|error| {
            let fix = "correct the field";
            vec![Finding::refused("type", "spec", error.to_string(), fix)]
        })?;
        let app =
            Application::resolve(&restapi).map_err(|invalid| vec![Finding::from(&invalid)])?;
        Ok(Accepted { restapi, app })
    }

    fn broken_rules(&self, object: &Value) -> Vec<Finding> {
        let broken = self.evaluated(object).into_iter();
        broken
            .filter(is_about_the_object)
            .map(broken_rule)
            .collect()
    }

    /// What evaluating the rules led to, if not to the good.
    fn evaluated(&self, object: &Value) -> Vec<ValidationError> {
        match self.rules.validate(&self.schema, object, None) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.into_vec(),
        }
    }

    /// The object as it would be stored.
    fn stored(&self, object: &Value) -> Result<RestAPI, serde_json::Error> {
        let mut restapi: RestAPI = serde_json::from_value(object.clone())?;
        let namespace = restapi.metadata.namespace.take();
        restapi.metadata.namespace = namespace.or_else(|| Some(self.namespace.clone()));
        restapi.metadata.uid = Some(PLACEHOLDER.to_owned());
        Ok(restapi)
    }
}

/// An object as the API server looks at it when it is made: whatever its status says is dropped.
fn without_status(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
    }
    object
}

/// Whether it is the object's fault, not that of the library, which may lack a function that the API server has.
/// Such a rule is the API server's alone; a test over all samples finds it.
fn is_about_the_object(error: &ValidationError) -> bool {
    matches!(
        error.kind,
        ErrorKind::ValidationFailure | ErrorKind::EvaluationError
    )
}

/// A rule that does not hold. Its message has the fix.
fn broken_rule(error: ValidationError) -> Finding {
    Finding {
        fix: None,
        ..Finding::refused("rule", error.field_path, error.message, "")
    }
}

#[cfg(test)]
mod tests {
    use kube_cel::{CompiledSchema, compile_schema};
    use rstest::rstest;

    use super::*;

    fn refusal(spec: &Value) -> Vec<(&'static str, String)> {
        let object = json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
            "metadata": {"name": "orders"}, "spec": spec});
        match Admission::to("shop").accept(&object) {
            Ok(_) => Vec::new(),
            Err(found) => found.into_iter().map(|f| (f.rule, f.field)).collect(),
        }
    }

    fn each(schema: &CompiledSchema, visit: &mut impl FnMut(&CompiledSchema)) {
        visit(schema);
        for property in schema.properties.values() {
            each(property, visit);
        }
        let inner = [&schema.items, &schema.additional_properties];
        for schema in inner.into_iter().flatten() {
            each(schema, visit);
        }
    }

    #[test]
    fn every_rule_of_the_crd_compiles() {
        let schema = compile_schema(&Admission::to("shop").schema);
        let mut rules = 0;
        each(&schema, &mut |schema| {
            assert!(
                !schema.has_errors(),
                "{} rules",
                schema.compilation_errors().len()
            );
            rules += schema.validations.len();
        });
        assert!(rules > 150, "{rules}");
    }

    #[rstest]
    #[case::fine(json!({"image": "a", "view": {}}), &[])]
    #[case::null_is_absent(json!({"image": "a", "model": null, "view": {"replicas": null}}), &[])]
    #[case::no_component(json!({"image": "a"}), &[("rule", "spec")])]
    #[case::bounds_first(json!({"view": {"replicas": 1001}}), &[("range", "spec.view.replicas")])]
    #[case::typo(json!({"image": "a", "view": {"replcas": 1}}), &[("unknown-field", "spec.view.replcas")])]
    #[case::quantity(json!({"image": "a", "view": {"resources": {"limits": {"cpu": "much"}}}}), &[("rule", "spec.view.resources")])]
    #[case::range_of_addresses(json!({"image": "a", "view": {"service": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["x"]}}}),
        &[("rule", "spec.view.service.loadBalancerSourceRanges")])]
    #[case::only_rendering_sees_it(json!({"image": "a", "view": {"sidecars": [{"name": "a", "imag": "b"}]}}),
        &[("invalid-spec", "spec.view.sidecars[0].imag")])]
    fn what_would_be_refused_is_found(#[case] spec: Value, #[case] found: &[(&str, &str)]) {
        let all = refusal(&spec);
        let all: Vec<_> = all
            .iter()
            .map(|(rule, field)| (*rule, field.as_str()))
            .collect();
        assert_eq!(all, found);
    }

    #[test]
    fn every_sample_is_accepted_and_no_rule_is_left_unevaluated() {
        let admission = Admission::to("shop");
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/samples");
        let mut count = 0;
        for entry in std::fs::read_dir(samples).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
            for object in objects.iter().filter(|o| o["kind"] == "RestAPI") {
                assert_eq!(admission.evaluated(object), [], "{}", path.display());
                assert!(admission.accept(object).is_ok(), "{}", path.display());
                count += 1;
            }
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn a_status_is_not_looked_at() {
        let object = json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
            "metadata": {"name": "orders"}, "spec": {"image": "a", "view": {}},
            "status": {"phase": "Fine", "conditions": 1}});
        let accepted = Admission::to("shop").accept(&object).unwrap();
        assert!(accepted.restapi.status.is_none());
    }

    #[test]
    fn the_name_is_a_part_of_the_rules() {
        let object = json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
            "metadata": {"name": "a".repeat(41)}, "spec": {"image": "a", "view": {}}});
        let found = Admission::to("shop").accept(&object).unwrap_err();
        assert!(
            found[0].message.contains("longer than 40 characters"),
            "{found:?}"
        );
    }
}
