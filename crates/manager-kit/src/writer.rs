//! Writes, by the rules that hold for every one of them.
//!
//! Server-side apply with the full intent of one field manager. An object is created only where none is;
//! a write to one that exists names its uid, so that nothing that was deleted comes back to life, and for
//! workloads and Services its resource version; deletes carry both. Every write first asks whether the
//! shard is still held, and is expected back in the caches.

mod decided;
mod error;

use kube::Client;
use kube::api::{
    Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions, PropagationPolicy,
};
use kube::discovery::ApiResource;
use serde_json::{Value, json};

pub use self::decided::{Draft, Guard, Marks, Write};
pub use self::error::WriteError;
use self::error::is_namespace_going;
use crate::cache::version;
use crate::lease::HeldShard;
use crate::tracker::{Owner, Target, Tracker, Version};
use crate::yaml_safe;

/// A resource version that no object has. They are revisions of the store as a whole: the first that any
/// write makes is 2, and the namespace that an object lives in was written before it.
const NEVER: &str = "1";

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The object changed.
    Changed,
    /// The object was that already, whatever its differences looked like: the API server stores some values
    /// otherwise than they are written.
    Nothing,
}

/// Writes on behalf of one owner, as one field manager.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    shard: HeldShard,
    tracker: Tracker,
    owner: Owner,
    manager: &'static str,
}

impl Writer {
    /// A writer for `owner`, as the field manager `manager`, as long as `shard` is held.
    #[must_use]
    pub fn new(
        client: Client,
        shard: HeldShard,
        tracker: Tracker,
        owner: Owner,
        manager: &'static str,
    ) -> Self {
        Self {
            client,
            shard,
            tracker,
            owner,
            manager,
        }
    }

    /// Carries out one write.
    ///
    /// # Errors
    /// See [`WriteError`]. After `Exists`, the object is read live at the next reconcile.
    pub async fn carry_out(&self, write: &Write) -> Result<Effect, WriteError> {
        self.shard.fence()?;
        match write {
            Write::Create(draft) => self.create(draft).await?,
            Write::Apply(draft, version, guard) => {
                return self.apply(draft, version, *guard).await;
            }
            Write::Replace(draft, version, lists) => self.replace(draft, version, lists).await?,
            Write::Mark(resource, target, version, marks) => {
                self.mark(resource, target, version, marks).await?;
            }
            Write::Delete(resource, target, version) => {
                self.delete(resource, target, version).await?;
            }
        }
        Ok(Effect::Changed)
    }

    /// Asks the API server whether it would take the object of a write as it should be, and writes nothing.
    /// Writes that bring no whole object are not asked about.
    ///
    /// # Errors
    /// `Refused` when it would not; see [`WriteError`].
    pub async fn rehearse(&self, write: &Write) -> Result<(), WriteError> {
        let (Write::Create(draft) | Write::Apply(draft, ..)) = write else {
            return Ok(());
        };
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::apply(self.manager).force()
        };
        let api = self.api(&draft.resource);
        let sent = applied(&api, &draft.name, &params, &draft.body).await;
        sent.map(drop)
            .map_err(|e| WriteError::from_kube(draft.target(), e))
    }

    /// Applies this manager's part of the status of the object `version`, whole.
    ///
    /// # Errors
    /// See [`WriteError`]; `Conflict` when the object is gone.
    pub async fn apply_status(
        &self,
        mut draft: Draft,
        version: &Version,
    ) -> Result<(), WriteError> {
        self.shard.fence()?;
        guard(&mut draft.body, version, Guard::SameObject);
        let api = self.api(&draft.resource);
        let params = PatchParams::apply(self.manager).force();
        let sent = match yaml_safe::json(&draft.body) {
            Ok(body) => {
                api.patch_status(&draft.name, &params, &Patch::Apply(body))
                    .await
            }
            Err(error) => Err(kube::Error::SerdeError(error)),
        };
        self.note(draft.target(), sent)
    }

    /// Creates where nothing is, in one request: an apply that names a resource version makes an object
    /// where there is none, and is refused where there is one in any other version. The comparison and the
    /// write are one transaction of the API server's store, so that nothing can come in between.
    async fn create(&self, draft: &Draft) -> Result<(), WriteError> {
        let mut body = draft.body.clone();
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), json!(NEVER));
        }
        let params = PatchParams::apply(self.manager);
        let sent = applied(&self.api(&draft.resource), &draft.name, &params, &body).await;
        match &sent {
            Err(kube::Error::Api(status)) if is_namespace_going(status) => {}
            Err(kube::Error::Api(status)) if status.code == 409 => {
                self.tracker.hidden(&self.owner, draft.target());
                return Err(WriteError::Exists(draft.target()));
            }
            // Nothing was there to be gone: the API server does not serve the kind.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                return Err(WriteError::Refused {
                    target: draft.target(),
                    message: status.message.clone(),
                    reason: status.reason.clone(),
                });
            }
            _ => {}
        }
        self.note(draft.target(), sent)
    }

    async fn apply(&self, draft: &Draft, seen: &Version, how: Guard) -> Result<Effect, WriteError> {
        let mut body = draft.body.clone();
        guard(&mut body, seen, how);
        let params = PatchParams::apply(self.manager).force();
        let sent = applied(&self.api(&draft.resource), &draft.name, &params, &body).await;
        // The API server stores nothing, and gives no new version, where an apply changes nothing.
        let is_as_seen = sent.as_ref().is_ok_and(|object| version(object) == *seen);
        self.note(draft.target(), sent)?;
        Ok(if is_as_seen {
            Effect::Nothing
        } else {
            Effect::Changed
        })
    }

    async fn replace(
        &self,
        draft: &Draft,
        version: &Version,
        lists: &[(String, Value)],
    ) -> Result<(), WriteError> {
        // Setting the resource version is how a JSON patch says which state it is for: another one is
        // answered with 409. A `test` would be answered with 422, like a refusal.
        let mut operations = vec![
            json!({"op": "replace", "path": "/metadata/uid", "value": version.uid}),
            json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version.resource_version}),
        ];
        operations.extend(
            lists
                .iter()
                .map(|(path, list)| json!({"op": "replace", "path": path, "value": list})),
        );
        let patch: json_patch::Patch = serde_json::from_value(Value::Array(operations))
            .map_err(|e| WriteError::from_kube(draft.target(), kube::Error::SerdeError(e)))?;
        let params = PatchParams {
            field_manager: Some(self.manager.to_owned()),
            ..PatchParams::default()
        };
        let sent = self
            .api(&draft.resource)
            .patch(&draft.name, &params, &Patch::<()>::Json(patch))
            .await;
        self.note(draft.target(), sent)
    }

    async fn mark(
        &self,
        resource: &ApiResource,
        target: &Target,
        seen: &Version,
        marks: &Marks,
    ) -> Result<(), WriteError> {
        let mut body = marks.patch();
        guard(&mut body, seen, Guard::Unchanged);
        let params = PatchParams {
            field_manager: Some(self.manager.to_owned()),
            ..PatchParams::default()
        };
        let api = self.api(resource);
        let sent = api.patch(&target.name, &params, &Patch::Merge(body)).await;
        self.note(target.clone(), sent)
    }

    async fn delete(
        &self,
        resource: &ApiResource,
        target: &Target,
        version: &Version,
    ) -> Result<(), WriteError> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: Some(Preconditions {
                uid: Some(version.uid.clone()),
                resource_version: Some(version.resource_version.clone()),
            }),
            ..DeleteParams::default()
        };
        let sent = self.api(resource).delete(&target.name, &params).await;
        sent.map_err(|e| WriteError::from_kube(target.clone(), e))?;
        self.tracker
            .deleted(&self.owner, target.clone(), version.uid.clone());
        Ok(())
    }

    fn note(
        &self,
        target: Target,
        sent: Result<DynamicObject, kube::Error>,
    ) -> Result<(), WriteError> {
        let object = sent.map_err(|e| WriteError::from_kube(target.clone(), e))?;
        self.tracker.written(&self.owner, target, version(&object));
        Ok(())
    }

    fn api(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.owner.0, resource)
    }
}

/// Sends a server-side apply.
async fn applied(
    api: &Api<DynamicObject>,
    name: &str,
    params: &PatchParams,
    body: &Value,
) -> Result<DynamicObject, kube::Error> {
    let body = yaml_safe::json(body).map_err(kube::Error::SerdeError)?;
    api.patch(name, params, &Patch::Apply(body)).await
}

/// Writes the state that must still hold into `metadata`.
fn guard(body: &mut Value, version: &Version, how: Guard) {
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("uid".to_owned(), json!(version.uid));
        if how == Guard::Unchanged {
            metadata.insert(
                "resourceVersion".to_owned(),
                json!(version.resource_version),
            );
        }
    }
}
