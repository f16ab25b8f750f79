//! Objects as they come, but for `managedFields`.
//!
//! No manager reads these from a cache, and decoding them takes more time and memory than all the rest: each
//! of their many small maps is a tree of its own. So they are passed over.

use std::borrow::Cow;
use std::fmt;

use kube::core::{DynamicResourceScope, ObjectMeta};
use kube::{Api, Resource};
use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

/// An object without `managedFields`.
#[derive(Clone, Debug)]
pub(super) struct Lean<K>(pub(super) K);

/// The same objects, as they are without `managedFields`.
pub(super) fn lean<K: Resource>(api: Api<K>, kind: &K::DynamicType) -> Api<Lean<K>> {
    let namespace = api.namespace().map(str::to_owned);
    let client = api.into_client();
    match namespace {
        Some(namespace) => Api::namespaced_with(client, &namespace, kind),
        None => Api::all_with(client, kind),
    }
}

impl<K: Resource> Resource for Lean<K> {
    type DynamicType = K::DynamicType;
    /// Whatever the scope is: it only tells which constructors of [`Api`] there are.
    type Scope = DynamicResourceScope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn api_version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::api_version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn metadata_api() -> bool {
        K::metadata_api()
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Lean<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = Place::Object;
        K::deserialize(Passing {
            inner: deserializer,
            place,
        })
        .map(Self)
    }
}

/// Where something is in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The object itself.
    Object,
    /// Its `metadata`.
    Metadata,
    /// Anywhere else, where nothing is passed over.
    Else,
}

impl Place {
    /// The place of the field `key` here; none when it is passed over.
    fn of(self, key: &str) -> Option<Self> {
        match (self, key) {
            (Self::Object, "metadata") => Some(Self::Metadata),
            (Self::Metadata, "managedFields") => None,
            _ => Some(Self::Else),
        }
    }
}

/// What is in `inner`, with what is passed over left out.
struct Passing<T> {
    inner: T,
    place: Place,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Passing<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let place = self.place;
        self.inner.deserialize_any(Passing {
            inner: visitor,
            place,
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let place = self.place;
        self.inner.deserialize_option(Passing {
            inner: visitor,
            place,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Only what an object and its metadata can be is taken: maps, and no metadata at all.
impl<'de, V: Visitor<'de>> Visitor<'de> for Passing<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Fields {
            map,
            place: self.place,
            field: Place::Else,
        })
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let place = self.place;
        self.inner.visit_some(Passing {
            inner: deserializer,
            place,
        })
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Passing<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        if self.place == Place::Else {
            return self.inner.deserialize(deserializer);
        }
        self.inner.deserialize(Passing {
            inner: deserializer,
            place: self.place,
        })
    }
}

/// The fields of a map, but for those that are passed over.
struct Fields<A> {
    map: A,
    place: Place,
    /// Where the field is whose key was read last.
    field: Place,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<Cow<'de, str>>()? {
            if let Some(place) = self.place.of(&key) {
                self.field = place;
                return seed.deserialize(CowStrDeserializer::new(key)).map(Some);
            }
            self.map.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(Passing {
            inner: seed,
            place: self.field,
        })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use kube::core::{DynamicObject, PartialObjectMeta};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::watch::Guarded;

    /// `managedFields` in metadata, and elsewhere, where it is somebody's own.
    fn object() -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "a", "namespace": "b", "labels": {"managedFields": "x"},
                "managedFields": [{"manager": "m", "fieldsV1": {"f:data": {"f:x": {}}}}],
            },
            "data": {"managedFields": "y"},
        })
    }

    fn left<K: DeserializeOwned + Serialize>(object: &Value) -> Value {
        let Lean(lean): Lean<K> = serde_json::from_str(&object.to_string()).unwrap();
        let Lean(again): Lean<K> = serde_json::from_value(object.clone()).unwrap();
        let again = serde_json::to_value(again).unwrap();
        let lean = serde_json::to_value(lean).unwrap();
        assert_eq!(lean, again, "from text and from a value");
        lean
    }

    #[test]
    fn only_managed_fields_are_passed_over() {
        let mut expected = object();
        expected["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        assert_eq!(left::<ConfigMap>(&object()), expected);
        assert_eq!(left::<DynamicObject>(&object()), expected);
        assert_eq!(left::<Value>(&object()), expected);
        let partial = left::<PartialObjectMeta<ConfigMap>>(&object());
        assert_eq!(partial["metadata"], expected["metadata"]);
    }

    #[test]
    fn what_decodes_and_what_does_not_is_as_before() {
        let text = r#"{"metadata": {"name": "a"}, "data": 7}"#;
        let Lean(guarded): Lean<Guarded<ConfigMap>> = serde_json::from_str(text).unwrap();
        assert!(guarded.valid().is_none() && guarded.meta().name.as_deref() == Some("a"));
        assert!(serde_json::from_str::<Lean<ConfigMap>>(text).is_err());
        for text in [r#"{"metadata": null}"#, "{}"] {
            assert!(
                serde_json::from_str::<Lean<Pod>>(text).is_ok()
                    == serde_json::from_str::<Pod>(text).is_ok()
            );
        }
        assert!(serde_json::from_str::<Lean<Pod>>("[]").is_err());
    }
}
