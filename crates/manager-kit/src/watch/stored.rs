//! Objects of the main kind as their store keeps them.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use kube::Resource;
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Guarded, InvalidObject};
use crate::packed::Packed;

/// An object of the main kind: packed, with as much metadata as it takes to find it. Cheap to clone.
pub(crate) struct Stored<K> {
    meta: Arc<ObjectMeta>,
    content: Content,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone, Debug)]
enum Content {
    Valid(Arc<Packed>),
    Invalid(Arc<InvalidObject>),
}

impl<K: Resource<DynamicType = ()> + Clone> Stored<K> {
    /// Packs an object that was watched.
    pub(super) fn new(object: Guarded<K>) -> Self
    where
        K: Serialize,
    {
        let meta = Arc::new(key(object.meta()));
        let content = match object {
            Guarded::Invalid(invalid) => Content::Invalid(invalid),
            Guarded::Valid(object) => match Packed::new(Arc::unwrap_or_clone(object)) {
                Ok(packed) => Content::Valid(Arc::new(packed)),
                Err(error) => unusable(&meta, &error),
            },
        };
        Self {
            meta,
            content,
            kind: PhantomData,
        }
    }

    /// The object as it was watched.
    pub(crate) fn open(&self) -> Guarded<K>
    where
        K: DeserializeOwned,
    {
        let packed = match &self.content {
            Content::Valid(packed) => packed,
            Content::Invalid(invalid) => return Guarded::Invalid(Arc::clone(invalid)),
        };
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        match packed.unpack(&of(&self.meta.namespace), &of(&self.meta.name)) {
            Ok(object) => Guarded::Valid(Arc::new(object)),
            Err(error) => Guarded::Invalid(Arc::new(invalid(&self.meta, &error))),
        }
    }
}

/// What finds an object, and what logs tell of it.
fn key(meta: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        generation: meta.generation,
        ..ObjectMeta::default()
    }
}

fn unusable(meta: &ObjectMeta, error: &serde_json::Error) -> Content {
    Content::Invalid(Arc::new(invalid(meta, error)))
}

fn invalid(meta: &ObjectMeta, error: &dyn std::error::Error) -> InvalidObject {
    InvalidObject {
        error: error.to_string(),
        metadata: meta.clone(),
    }
}

impl<'de, K> Deserialize<'de> for Stored<K>
where
    K: Resource<DynamicType = ()> + Clone + Serialize + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Guarded::deserialize(deserializer).map(Self::new)
    }
}

impl<K> Clone for Stored<K> {
    fn clone(&self) -> Self {
        Self {
            meta: Arc::clone(&self.meta),
            content: self.content.clone(),
            kind: PhantomData,
        }
    }
}

impl<K> std::fmt::Debug for Stored<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored")
            .field("name", &self.meta.name)
            .finish_non_exhaustive()
    }
}

impl<K: Resource<DynamicType = ()>> Resource for Stored<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        Arc::make_mut(&mut self.meta)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};

    use super::*;

    fn stored(object: &Value) -> Stored<ConfigMap> {
        Stored::new(serde_json::from_value(object.clone()).unwrap())
    }

    #[test]
    fn what_decodes_comes_back_whole() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"},
            "metadata": {"name": "a", "namespace": "b", "uid": "u", "resourceVersion": "7",
                         "generation": 3, "annotations": {"x": "y"}},
        });
        let stored = stored(&object);
        let Guarded::Valid(again) = stored.open() else {
            panic!("it does not decode")
        };
        assert_eq!(serde_json::to_value(&*again).unwrap(), object);
        assert_eq!(stored.meta().generation, Some(3));
    }

    #[test]
    fn what_does_not_decode_keeps_its_reason() {
        let stored = stored(&json!({"metadata": {"name": "a", "namespace": "b"}, "data": 7}));
        let Guarded::Invalid(invalid) = stored.open() else {
            panic!("it decodes")
        };
        assert!(
            invalid.error.contains("Expected a map"),
            "{}",
            invalid.error
        );
    }
}
