//! An object as caches keep it: its JSON, compressed.
//!
//! A decoded object takes many times the memory of what it says, since most of its fields are empty; and a
//! manager looks at few of its objects at a time. So an object is decoded when it is looked at.

use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::tracker::Version;

/// One object, without its name and namespace, which its place in a cache tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    uid: Box<str>,
    resource_version: Box<str>,
    content: Box<[u8]>,
}

/// A packed object that can't be read back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("it can't be decompressed: {0}")]
    Compression(#[from] lz4_flex::block::DecompressError),
    #[error("it can't be decoded: {0}")]
    Json(#[from] serde_json::Error),
}

impl Packed {
    /// Packs an object.
    ///
    /// # Errors
    /// When it can't be written as JSON, which no object that came from JSON is.
    pub(crate) fn new<K: Resource + Serialize>(mut object: K) -> Result<Self, serde_json::Error> {
        let meta = object.meta_mut();
        // What the index knows, what changes with every write and what doesn't compress.
        meta.name = None;
        meta.namespace = None;
        let uid = meta.uid.take().unwrap_or_default();
        let resource_version = meta.resource_version.take().unwrap_or_default();
        let json = serde_json::to_vec(&object)?;
        Ok(Self {
            uid: uid.into(),
            resource_version: resource_version.into(),
            content: lz4_flex::compress_prepend_size(&json).into(),
        })
    }

    /// The object again, under the name and namespace that it had.
    ///
    /// # Errors
    /// When it isn't what was packed.
    pub(crate) fn unpack<K>(&self, namespace: &str, name: &str) -> Result<K, UnpackError>
    where
        K: Resource + DeserializeOwned,
    {
        let json = lz4_flex::decompress_size_prepended(&self.content)?;
        let mut object: K = serde_json::from_slice(&json)?;
        let meta = object.meta_mut();
        meta.name = Some(name.to_owned());
        meta.namespace = Some(namespace.to_owned());
        meta.uid = Some(self.uid.clone().into());
        meta.resource_version = Some(self.resource_version.clone().into());
        Ok(object)
    }

    /// Which object, in which state.
    pub(crate) fn version(&self) -> Version {
        Version {
            uid: self.uid.clone().into(),
            resource_version: self.resource_version.clone().into(),
        }
    }

    /// Whether this is the object of that uid.
    pub(crate) fn is(&self, uid: &str) -> bool {
        *self.uid == *uid
    }

    /// Whether `other` is the same object and says the same, in whatever version.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.uid == other.uid && self.content == other.content
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::core::DynamicObject;
    use serde_json::{Value, json};

    use super::*;

    fn object(resource_version: &str, value: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": resource_version,
                         "labels": {"x": "y"}},
            "data": {"key": value},
        })
    }

    fn packed(resource_version: &str, value: &str) -> Packed {
        let object: ConfigMap = serde_json::from_value(object(resource_version, value)).unwrap();
        Packed::new(object).unwrap()
    }

    #[test]
    fn what_is_packed_comes_back_whole() {
        let again: ConfigMap = packed("7", "v").unpack("shop", "a").unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), object("7", "v"));
        assert_eq!(packed("7", "v").version().resource_version, "7");
    }

    #[test]
    fn kinds_that_are_known_only_at_run_time_come_back_whole() {
        let dynamic: DynamicObject = serde_json::from_value(object("7", "v")).unwrap();
        let again: DynamicObject = Packed::new(dynamic).unwrap().unpack("shop", "a").unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), object("7", "v"));
    }

    #[test]
    fn a_new_version_that_says_the_same_is_known() {
        assert!(packed("7", "v").says_the_same(&packed("8", "v")));
        assert!(!packed("7", "v").says_the_same(&packed("7", "w")));
    }
}
