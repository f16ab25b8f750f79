//! A `RestAPI` with every default and every inheritance worked out: what the rest of this crate reads.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use restapi_types::spec::DEFAULT_REPLICAS;
use restapi_types::{
    ComponentName, ComponentSpec, ResourceRequirements, RestAPI, RestAPISpec, names,
};

use crate::revision;

/// A `RestAPI` that can't be rendered. Admission refuses such objects; one that was stored without
/// admission (before a rule existed, say) is reported in status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; {fix}")]
pub struct Invalid {
    /// The path of the field in the object.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

/// An application as its author means it.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`: owner of everything that is rendered.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// The components that it has, leaf first.
    pub components: Vec<Component>,
    /// The hash of everything that reaches a pod template.
    pub revision: String,
}

/// One component with every default worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Which of the four it is.
    pub name: ComponentName,
    /// The container image.
    pub image: String,
    /// How many pods.
    pub replicas: i32,
    /// The TCP port that it listens on.
    pub port: i32,
    /// The program, if not the image's.
    pub command: Option<Vec<String>>,
    /// The arguments, if not the image's.
    pub args: Option<Vec<String>>,
    /// The author's environment variables, the component's over the application's.
    pub env_vars: BTreeMap<String, String>,
    /// What the container asks of its node.
    pub resources: Option<ResourceRequirements>,
}

impl Application {
    /// Works out defaults and inheritance.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the fix when the object lacks what every stored object has, or
    /// breaks a rule that admission should have held.
    pub fn resolve(restapi: &RestAPI) -> Result<Self, Invalid> {
        let meta = restapi.meta();
        let name = required(meta.name.as_ref(), "metadata.name")?;
        if name.len() > names::MAX_APP {
            return Err(Invalid {
                field: "metadata.name".into(),
                problem: format!(
                    "{} characters are too many for the names made from it",
                    name.len()
                ),
                fix: format!("choose a name of at most {} characters", names::MAX_APP),
            });
        }
        let components = restapi
            .spec
            .components()
            .map(|(name, component)| Component::resolve(name, component, &restapi.spec))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            name,
            namespace: required(meta.namespace.as_ref(), "metadata.namespace")?,
            uid: required(meta.uid.as_ref(), "metadata.uid")?,
            generation: meta.generation.unwrap_or_default(),
            revision: revision::of(&components),
            components,
        })
    }

    /// The component of that name, if the application has it.
    #[must_use]
    pub fn component(&self, name: ComponentName) -> Option<&Component> {
        self.components.iter().find(|c| c.name == name)
    }

    /// The reference that makes the application the owner of an object.
    #[must_use]
    pub fn owner_reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: RestAPI::api_version(&()).into_owned(),
            kind: RestAPI::kind(&()).into_owned(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }
}

impl Component {
    fn resolve(
        name: ComponentName,
        own: &ComponentSpec,
        all: &RestAPISpec,
    ) -> Result<Self, Invalid> {
        let image = own
            .image
            .as_ref()
            .or(all.image.as_ref())
            .ok_or_else(|| Invalid {
                field: format!("spec.{name}.image"),
                problem: "no image is set".into(),
                fix: format!("set spec.image or spec.{name}.image"),
            })?;
        let mut env_vars = all.env_vars.clone().unwrap_or_default();
        env_vars.extend(own.env_vars.clone().unwrap_or_default());
        Ok(Self {
            name,
            image: image.clone(),
            replicas: own.replicas.or(all.replicas).unwrap_or(DEFAULT_REPLICAS),
            port: own.port.unwrap_or(name.default_port()),
            command: own.command.clone(),
            args: own.args.clone(),
            env_vars,
            resources: own.resources.clone(),
        })
    }
}

fn required(value: Option<&String>, field: &str) -> Result<String, Invalid> {
    value.cloned().ok_or_else(|| Invalid {
        field: field.into(),
        problem: "is absent".into(),
        fix: "read the object from the API server".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::restapi;

    #[test]
    fn components_override_the_application_field_by_field() {
        let app = Application::resolve(&restapi(
            r#"{"image": "app:1", "replicas": 3, "envVars": {"A": "1", "B": "1"},
                "model": {"replicas": 0, "envVars": {"B": "2"}},
                "view": {"image": "view:1", "port": 8000}}"#,
        ))
        .unwrap();
        let [model, view] = app.components.as_slice() else {
            panic!("two components")
        };
        assert_eq!(
            (model.image.as_str(), model.replicas, model.port),
            ("app:1", 0, 8080)
        );
        assert_eq!(
            (view.image.as_str(), view.replicas, view.port),
            ("view:1", 3, 8000)
        );
        assert_eq!(
            model.env_vars,
            BTreeMap::from([("A".into(), "1".into()), ("B".into(), "2".into())])
        );
    }

    #[test]
    fn what_admission_missed_is_named_with_its_field() {
        let error = Application::resolve(&restapi(r#"{"view": {}}"#)).unwrap_err();
        assert_eq!(error.field, "spec.view.image");
        let mut long = restapi(r#"{"image": "a", "view": {}}"#);
        long.metadata.name = Some("a".repeat(41));
        assert_eq!(
            Application::resolve(&long).unwrap_err().field,
            "metadata.name"
        );
    }
}
