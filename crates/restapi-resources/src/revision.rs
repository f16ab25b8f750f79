//! What a revision is: everything of the spec that reaches a pod template, and nothing else.

use restapi_types::ComponentSpec;
use serde_json::{Map, Value, json};

use crate::application::Component;
use crate::canonical;

/// What a change of a field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reaches a pod template: a new revision, and new pods.
    Template,
    /// It applies in place: no new revision, no new pods.
    InPlace,
}

/// Every field of a component, in the spec's spelling, and what a change of it does. The application's
/// own fields of the same names are the components' defaults, and have the same effect.
pub const FIELDS: &[(&str, Effect)] = &[
    ("image", Effect::Template),
    ("replicas", Effect::InPlace),
    ("port", Effect::Template),
    ("command", Effect::Template),
    ("args", Effect::Template),
    ("envVars", Effect::Template),
    ("resources", Effect::Template),
];

/// What of these components reaches a pod template, by component: the content of a revision.
#[must_use]
pub fn content(components: &[Component]) -> Value {
    components
        .iter()
        .map(|c| (c.name.as_str().to_owned(), template_fields(c)))
        .collect::<Map<_, _>>()
        .into()
}

/// The revision of these components: the hash of its [`content`].
#[must_use]
pub fn of(components: &[Component]) -> String {
    canonical::hash(&content(components))
}

/// The fields of one component that [`FIELDS`] gives the effect `Template`.
fn template_fields(component: &Component) -> Value {
    let explicit = ComponentSpec {
        image: Some(component.image.clone()),
        replicas: Some(component.replicas),
        port: Some(component.port),
        command: component.command.clone(),
        args: component.args.clone(),
        env_vars: (!component.env_vars.is_empty()).then(|| component.env_vars.clone()),
        resources: component.resources.clone(),
    };
    let mut fields = json!(explicit);
    if let Value::Object(map) = &mut fields {
        map.retain(|field, _| FIELDS.contains(&(field.as_str(), Effect::Template)));
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Application;
    use crate::fixtures::{SPEC, restapi};

    fn revision(change: impl FnOnce(&mut Value)) -> String {
        let mut spec: Value = serde_json::from_str(SPEC).unwrap();
        change(&mut spec);
        Application::resolve(&restapi(&spec.to_string()))
            .unwrap()
            .revision
    }

    #[test]
    fn every_field_of_the_schema_is_in_the_table() {
        let crd = json!(restapi_types::crd::restapi());
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        let known: BTreeSet<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
        let component: BTreeSet<&str> = spec["model"]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(component, known);
        for field in spec.as_object().unwrap().keys() {
            let is_component = restapi_types::ComponentName::parse(field).is_some();
            assert!(
                is_component || known.contains(field.as_str()),
                "spec.{field} is not in the table"
            );
        }
    }

    #[test]
    fn a_change_makes_a_new_revision_exactly_when_the_table_says_so() {
        let before = revision(|_| ());
        let changes = [
            ("image", json!("other:1")),
            ("replicas", json!(7)),
            ("port", json!(9999)),
            ("command", json!(["/other"])),
            ("args", json!(["--other"])),
            ("envVars", json!({"OTHER": "1"})),
            ("resources", json!({"limits": {"cpu": "9"}})),
        ];
        assert_eq!(changes.len(), FIELDS.len());
        for (field, value) in changes {
            let is_new = revision(|spec| spec["model"][field] = value) != before;
            assert_eq!(
                is_new,
                FIELDS.contains(&(field, Effect::Template)),
                "model.{field}"
            );
        }
        assert_eq!(revision(|spec| spec["replicas"] = json!(9)), before);
    }

    #[test]
    fn spelling_out_what_is_inherited_is_the_same_revision() {
        let before = revision(|_| ());
        assert_eq!(
            revision(|spec| spec["view"]["image"] = spec["image"].clone()),
            before
        );
        assert_eq!(revision(|spec| spec["view"]["port"] = json!(3000)), before);
    }
}
