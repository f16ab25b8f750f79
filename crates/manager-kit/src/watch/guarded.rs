//! Objects that may not decode.

use std::borrow::Cow;
use std::sync::Arc;

use kube::Resource;
use kube::core::{DeserializeGuard, ObjectMeta};
use serde::{Deserialize, Deserializer};

pub use kube::core::error_boundary::InvalidObject;

/// An object as `K`, or what is known of one that does not decode as `K`. Cheap to clone.
///
/// The API server's schema lets objects through that this version cannot read: they were stored
/// before a rule existed, or by a newer version. One of them must not stop the whole kind.
#[derive(Clone, Debug)]
pub enum Guarded<K> {
    /// It decodes.
    Valid(Arc<K>),
    /// It does not; here are its metadata and the reason.
    Invalid(Arc<InvalidObject>),
}

impl<K> Guarded<K> {
    /// The object, if it decodes.
    #[must_use]
    pub fn valid(&self) -> Option<&Arc<K>> {
        match self {
            Self::Valid(object) => Some(object),
            Self::Invalid(_) => None,
        }
    }
}

impl<'de, K: Deserialize<'de> + Resource> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match DeserializeGuard::deserialize(deserializer)?.0 {
            Ok(object) => Self::Valid(Arc::new(object)),
            Err(invalid) => Self::Invalid(Arc::new(invalid)),
        })
    }
}

impl<K: Resource + Clone> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Valid(object) => object.meta(),
            Self::Invalid(invalid) => &invalid.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Valid(object) => Arc::make_mut(object).meta_mut(),
            Self::Invalid(invalid) => &mut Arc::make_mut(invalid).metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_that_does_not_decode_keeps_its_metadata_and_the_reason() {
        let object = json!({"metadata": {"name": "a", "namespace": "b", "uid": "u"}, "data": 7});
        let object: Guarded<ConfigMap> = serde_json::from_value(object).unwrap();
        let Guarded::Invalid(invalid) = &object else {
            panic!("it decoded")
        };
        assert!(
            invalid.error.contains("Expected a map"),
            "{}",
            invalid.error
        );
        assert_eq!(object.name_any(), "a");
        assert_eq!(object.uid().as_deref(), Some("u"));
        assert!(object.valid().is_none());
    }

    #[test]
    fn an_object_that_decodes_is_as_good_as_bare() {
        let object = json!({"metadata": {"name": "a"}, "data": {"k": "v"}});
        let mut object: Guarded<ConfigMap> = serde_json::from_value(object).unwrap();
        assert_eq!(object.valid().unwrap().data.as_ref().unwrap()["k"], "v");
        object.meta_mut().name = Some("b".into());
        assert_eq!(object.name_any(), "b");
    }
}
