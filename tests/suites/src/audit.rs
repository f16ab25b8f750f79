//! What exists in a namespace, to compare with what exists later or elsewhere.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, ResourceQuota, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::NamespaceResourceScope;
use kube::discovery::ApiResource;
use kube::{Resource, ResourceExt};
use restapi_types::{RestAPI, keys};
use serde_json::{Value, json};

use crate::namespace::Namespace;

/// The state of an object: uid and resource version.
pub type State = (String, String);

/// The `RestAPIs` of a namespace and all objects of the kinds that they own, by `KIND/NAME`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot(BTreeMap<String, DynamicObject>);

impl Snapshot {
    /// What exists now.
    ///
    /// # Errors
    /// When it can't be listed.
    pub async fn of(namespace: &Namespace) -> Result<Self> {
        let mut all = Self::default();
        all.add::<RestAPI>(namespace).await?;
        all.add::<Deployment>(namespace).await?;
        all.add::<StatefulSet>(namespace).await?;
        all.add::<Service>(namespace).await?;
        all.add::<ConfigMap>(namespace).await?;
        all.add::<PersistentVolumeClaim>(namespace).await?;
        all.add::<ControllerRevision>(namespace).await?;
        all.add::<ServiceAccount>(namespace).await?;
        all.add::<NetworkPolicy>(namespace).await?;
        all.add::<PodDisruptionBudget>(namespace).await?;
        all.add::<Ingress>(namespace).await?;
        all.add::<ResourceQuota>(namespace).await?;
        Ok(all)
    }

    async fn add<K>(&mut self, namespace: &Namespace) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(namespace.client.clone(), &namespace.name, &resource);
        for object in api.list(&ListParams::default()).await? {
            if !is_kubernetes_own(&resource.kind, &object.name_any()) {
                self.0
                    .insert(format!("{}/{}", resource.kind, object.name_any()), object);
            }
        }
        Ok(())
    }

    /// The objects without the `RestAPIs`.
    #[must_use]
    pub fn owned(self) -> Self {
        Self(
            self.0
                .into_iter()
                .filter(|(id, _)| !id.starts_with("RestAPI/"))
                .collect(),
        )
    }

    /// The object `KIND/NAME`.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&DynamicObject> {
        self.0.get(id)
    }

    /// The objects, by `KIND/NAME`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DynamicObject)> {
        self.0.iter().map(|(id, object)| (id.as_str(), object))
    }

    /// Every object's `KIND/NAME`, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Every object's state.
    #[must_use]
    pub fn states(&self) -> BTreeMap<String, State> {
        let state = |o: &DynamicObject| {
            (
                o.uid().unwrap_or_default(),
                o.resource_version().unwrap_or_default(),
            )
        };
        self.0
            .iter()
            .map(|(id, object)| (id.clone(), state(object)))
            .collect()
    }

    /// What every object says, without what differs between two runs that do the same: uids, resource
    /// versions, times, addresses, and the name of the namespace. Of Deployments without status, which
    /// is not the managers'.
    ///
    /// # Errors
    /// When an object can't be written as JSON.
    pub fn shapes(&self, namespace: &Namespace) -> Result<BTreeMap<String, Value>> {
        let owners: Vec<_> = self.0.values().filter_map(ResourceExt::uid).collect();
        let shape = |(id, object): (&String, &DynamicObject)| {
            let mut value = json!(object);
            if let (false, Some(fields)) = (id.starts_with("RestAPI/"), value.as_object_mut()) {
                fields.remove("status");
            }
            normalise(&mut value);
            let text = value.to_string().replace(&namespace.name, "NAMESPACE");
            // An owner's uid is also a part of keys in managedFields.
            let text = owners
                .iter()
                .fold(text, |text, uid| text.replace(uid, "UID"));
            Ok((id.clone(), serde_json::from_str(&text)?))
        };
        self.0.iter().map(shape).collect()
    }
}

/// Whether every namespace gets the object from Kubernetes itself.
fn is_kubernetes_own(kind: &str, name: &str) -> bool {
    matches!(
        (kind, name),
        ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt")
    )
}

/// What differs between two runs that do the same.
const VARYING: &[&str] = &[
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "time",
    "lastTransitionTime",
    "lastDeploymentTime",
    "syncedAt",
    "clusterIP",
    "clusterIPs",
    // A hash with the owner's uid in it.
    keys::APPLIED,
];

fn normalise(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !VARYING.contains(&key.as_str()));
            if let Some(Value::Array(entries)) = map.get_mut("managedFields") {
                entries.retain(is_a_managers);
                entries.sort_by_key(|entry| entry.get("manager").map(Value::to_string));
            }
            map.values_mut().for_each(normalise);
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        _ => {}
    }
}

/// Whether an entry of `managedFields` is of one of the operator's managers.
fn is_a_managers(entry: &Value) -> bool {
    let manager = entry
        .get("manager")
        .and_then(Value::as_str)
        .unwrap_or_default();
    manager.starts_with("restapi-")
}
