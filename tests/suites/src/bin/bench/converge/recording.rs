//! What core-reconciler writes for one application, so that a bare client can write the same.
//!
//! Read from the cluster, not rendered anew: for each object, exactly the fields that a manager of the
//! operator has applied, as `managedFields` lists them.

use anyhow::{Context, Result, ensure};
use kube::api::{Api, DynamicObject, ListParams};
use kube::discovery::{ApiGroup, ApiResource, Discovery, Scope, verbs};
use kube::{Resource as _, ResourceExt as _};
use restapi_types::{RestAPI, keys};
use serde_json::{Map, Value, json};
use suites::namespace::Namespace;

use super::fields;

/// What the field managers of the operator are called.
const MANAGERS: &str = "restapi-";

/// The objects of one application.
pub struct Recording {
    /// The name of the application that was recorded.
    app: String,
    uid: String,
    objects: Vec<Recorded>,
}

/// One object.
struct Recorded {
    resource: ApiResource,
    name: String,
    manager: String,
    body: String,
}

/// One write.
pub struct Write {
    /// The kind of the object.
    pub resource: ApiResource,
    /// Its name.
    pub name: String,
    /// Who writes it.
    pub manager: String,
    /// What is applied.
    pub body: Value,
}

impl Recording {
    /// Records everything in `namespace` that the application `app` owns and that the operator has applied.
    ///
    /// # Errors
    /// When it can't be read, or there is nothing.
    pub async fn of(namespace: &Namespace, app: &RestAPI) -> Result<Self> {
        let client = &namespace.client;
        let uid = app.uid().context("the application has no uid")?;
        let mut objects = Vec::new();
        let kinds = Discovery::new(client.clone()).run().await?;
        let groups = kinds.groups();
        let kinds = groups.flat_map(ApiGroup::recommended_resources);
        for (resource, capabilities) in kinds {
            let is_ours = capabilities.scope == Scope::Namespaced
                && capabilities.supports_operation(verbs::LIST)
                && capabilities.supports_operation(verbs::PATCH)
                && resource.kind != RestAPI::kind(&());
            if !is_ours {
                continue;
            }
            let api: Api<DynamicObject> =
                Api::namespaced_with(client.clone(), &namespace.name, &resource);
            let selector = format!("{}={}", keys::INSTANCE, app.name_any());
            let list = api.list(&ListParams::default().labels(&selector)).await?;
            for object in list {
                objects.extend(recorded(&resource, &object, &uid)?);
            }
        }
        ensure!(!objects.is_empty(), "{} owns nothing", app.name_any());
        Ok(Self {
            app: app.name_any(),
            uid,
            objects,
        })
    }

    /// The same objects for another application, whose name must be of the same length so that the objects'
    /// sizes are the same.
    ///
    /// # Errors
    /// When a name is within another word, so that what comes out is no object.
    pub fn writes_for(&self, app: &RestAPI) -> Result<Vec<Write>> {
        let (name, uid) = (app.name_any(), app.uid().unwrap_or_default());
        ensure!(name.len() == self.app.len(), "{name} is of another length");
        let adapted = |text: &str| text.replace(&self.app, &name).replace(&self.uid, &uid);
        let write = |recorded: &Recorded| {
            Ok(Write {
                resource: recorded.resource.clone(),
                name: adapted(&recorded.name),
                manager: recorded.manager.clone(),
                body: serde_json::from_str(&adapted(&recorded.body))?,
            })
        };
        self.objects.iter().map(write).collect()
    }

    /// The kinds of the objects, and how many of each one application has.
    pub fn kinds(&self) -> Vec<(ApiResource, usize)> {
        let mut kinds: Vec<(ApiResource, usize)> = Vec::new();
        for object in &self.objects {
            match kinds.iter_mut().find(|(kind, _)| *kind == object.resource) {
                Some((_, count)) => *count += 1,
                None => kinds.push((object.resource.clone(), 1)),
            }
        }
        kinds
    }

    /// How many objects one application has.
    pub fn len(&self) -> usize {
        self.objects.len()
    }
}

/// What the operator has applied of an object, if it belongs to the owner of that uid.
fn recorded(
    resource: &ApiResource,
    object: &DynamicObject,
    owner: &str,
) -> Result<Option<Recorded>> {
    let is_owned = object.owner_references().iter().any(|o| o.uid == owner);
    let mut entries = object.managed_fields().iter();
    let entry = entries.find(|entry| {
        let manager = entry.manager.as_deref().unwrap_or_default();
        entry.operation.as_deref() == Some("Apply")
            && entry.subresource.is_none()
            && manager.starts_with(MANAGERS)
    });
    let (true, Some(entry)) = (is_owned, entry) else {
        return Ok(None);
    };
    let applied = entry.fields_v1.as_ref().context("an apply has fields")?;
    let mut body = fields::extract(&json!(object), &applied.0);
    let fields = body.as_object_mut().context("an object is a map")?;
    fields.insert("apiVersion".into(), json!(resource.api_version));
    fields.insert("kind".into(), json!(resource.kind));
    let metadata = fields
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    metadata["name"] = json!(object.name_any());
    Ok(Some(Recorded {
        resource: resource.clone(),
        name: object.name_any(),
        manager: entry.manager.clone().unwrap_or_default(),
        body: body.to_string(),
    }))
}
