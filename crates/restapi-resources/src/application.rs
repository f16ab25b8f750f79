//! A `RestAPI` with every default and every inheritance worked out: what the rest of this crate reads.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use restapi_types::spec::DEFAULT_REPLICAS;
use restapi_types::spec::network::Protocol;
use restapi_types::spec::storage::{PersistenceMode, PersistenceSpec};
use restapi_types::{ComponentName, ComponentSpec, RestAPI, RestAPISpec, names};

use crate::parts::Parts;
use crate::{guard, inherit, revision};

/// A `RestAPI` that can't be rendered. Admission refuses what it can see; what it can't see, and what was
/// stored before a rule existed, is reported in status, and what runs is left as it is.
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

impl Invalid {
    /// The field at that path has that problem; `fix` says what to write instead.
    pub fn new(
        field: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }
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
    /// The application's own fields, as they stand in the object. Of what components inherit, read the
    /// components.
    pub spec: RestAPISpec,
    /// The components that it has, what others call first and the edge last.
    pub components: Vec<Component>,
    /// The hash of everything that reaches a pod template.
    pub revision: String,
    /// When somebody had the pods of that revision replaced. It reaches pod templates and makes no other revision.
    pub restarted: Option<String>,
}

/// One component with every default and every inheritance worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Which one it is.
    pub name: ComponentName,
    /// The container image.
    pub image: String,
    /// How many pods.
    pub replicas: i32,
    /// The TCP port that it listens on; a worker has none.
    pub port: Option<i32>,
    /// What the port speaks.
    pub protocol: Protocol,
    /// Whether requests from outside the application may reach it.
    pub is_exposed: bool,
    /// Its fields, with those of the application where it has none of its own.
    pub spec: ComponentSpec,
    /// Its opaque fields as Kubernetes' types.
    pub parts: Parts,
    /// The Secrets with the credentials of registries.
    pub pull_secrets: Vec<String>,
    /// Whether its pods have a token for the API server.
    pub automount_token: bool,
    /// The hash of the ConfigMaps and Secrets that its pods refer to, once these were read.
    pub config: Option<String>,
}

impl Application {
    /// Works out defaults and inheritance.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the fix when the object lacks what every stored object has, or
    /// breaks a rule that admission can't see.
    pub fn resolve(restapi: &RestAPI) -> Result<Self, Invalid> {
        let meta = restapi.meta();
        let name = required(meta.name.as_ref(), "metadata.name")?;
        if name.len() > names::MAX_APP {
            return Err(Invalid::new(
                "metadata.name",
                format!(
                    "{} characters are too many for the names made from it",
                    name.len()
                ),
                format!("choose a name of at most {} characters", names::MAX_APP),
            ));
        }
        let components = restapi
            .spec
            .components()
            .into_iter()
            .map(|(name, component)| Component::resolve(name, component, &restapi.spec))
            .collect::<Result<Vec<_>, _>>()?;
        let app = Self {
            name,
            namespace: required(meta.namespace.as_ref(), "metadata.namespace")?,
            uid: required(meta.uid.as_ref(), "metadata.uid")?,
            generation: meta.generation.unwrap_or_default(),
            spec: restapi.spec.clone(),
            revision: revision::of(&components),
            components,
            restarted: None,
        };
        guard::check(&app)?;
        Ok(app)
    }

    /// The component of that name, if the application has it.
    #[must_use]
    pub fn component(&self, name: ComponentName) -> Option<&Component> {
        self.components.iter().find(|c| c.name == name)
    }

    /// The same application with the hashes of the ConfigMaps and Secrets that each component's pods refer
    /// to. They are a part of the revision: changed content is a new one.
    #[must_use]
    pub fn pinned(mut self, config: impl Fn(&Component) -> Option<String>) -> Self {
        let mut is_new = false;
        for component in &mut self.components {
            let now = config(component);
            is_new |= component.config != now;
            component.config = now;
        }
        if is_new {
            self.revision = revision::of(&self.components);
        }
        self
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
    /// Works out defaults and inheritance of one component.
    ///
    /// # Errors
    /// As [`Application::resolve`].
    fn resolve(
        name: ComponentName,
        own: &ComponentSpec,
        all: &RestAPISpec,
    ) -> Result<Self, Invalid> {
        let mut component = Self::from_spec(name, inherit::component(own, all))?;
        let pull_secrets = all.image_pull_secrets.iter().flatten();
        component.pull_secrets = pull_secrets.map(|secret| secret.name.clone()).collect();
        let account = component.spec.service_account.as_ref();
        let account = account.or(all.service_account.as_ref());
        component.automount_token = account.and_then(|a| a.automount_token).unwrap_or(false);
        Ok(component)
    }

    /// A component that has inherited, with defaults worked out, and without what only its application knows.
    pub(crate) fn from_spec(name: ComponentName, spec: ComponentSpec) -> Result<Self, Invalid> {
        let image = spec.image.clone().ok_or_else(|| {
            Invalid::new(
                format!("{}.image", name.path()),
                "no image is set",
                format!("set spec.image or {}.image", name.path()),
            )
        })?;
        Ok(Self {
            name,
            image,
            replicas: spec.replicas.unwrap_or(DEFAULT_REPLICAS),
            port: spec.port.or(name.default_port()).filter(|port| *port != 0),
            protocol: spec.protocol.unwrap_or_default(),
            is_exposed: spec.exposed.unwrap_or(name.is_exposed_by_default()),
            parts: Parts::parse(&spec, &name.path())?,
            spec,
            pull_secrets: Vec::new(),
            automount_token: false,
            config: None,
        })
    }

    /// The claim that each of its pods has of its own, if they have one.
    #[must_use]
    pub fn claim_per_replica(&self) -> Option<&PersistenceSpec> {
        let persistence = self.spec.persistence.as_ref()?;
        (persistence.mode() == PersistenceMode::PerReplica).then_some(persistence)
    }

    /// The claim that its pods share, if they do.
    #[must_use]
    pub fn shared_claim(&self) -> Option<&PersistenceSpec> {
        let persistence = self.spec.persistence.as_ref()?;
        (persistence.mode() == PersistenceMode::Shared).then_some(persistence)
    }
}

fn required(value: Option<&String>, field: &str) -> Result<String, Invalid> {
    value
        .cloned()
        .ok_or_else(|| Invalid::new(field, "is absent", "read the object from the API server"))
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
            ("app:1", 0, Some(8080))
        );
        assert_eq!(
            (view.image.as_str(), view.replicas, view.port),
            ("view:1", 3, Some(8000))
        );
        assert_eq!(
            model.spec.env_vars.clone().unwrap(),
            std::collections::BTreeMap::from([("A".into(), "1".into()), ("B".into(), "2".into())])
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
