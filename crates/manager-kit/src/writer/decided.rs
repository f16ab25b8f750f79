//! Writes as they are decided, before anything is sent.

use std::collections::BTreeMap;

use kube::Resource;
use kube::discovery::ApiResource;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::tracker::{Target, Version};

/// An object as it should be, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Where objects of its kind live.
    pub resource: ApiResource,
    /// Its name.
    pub name: String,
    /// Everything that its field manager wants it to say.
    pub body: Value,
}

impl Draft {
    /// `object` as a draft.
    ///
    /// # Errors
    /// When the object can't be written as JSON.
    pub fn new<K: Resource<DynamicType = ()> + Serialize>(
        object: &K,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            resource: ApiResource::erase::<K>(&()),
            name: object.meta().name.clone().unwrap_or_default(),
            body: serde_json::to_value(object)?,
        })
    }

    /// The draft's kind and name.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            kind: self.resource.kind.clone(),
            name: self.name.clone(),
        }
    }
}

/// How much of the state that was read must still hold when an apply arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The object is the same one: its uid.
    SameObject,
    /// Nothing about it has changed: its uid and resource version.
    Unchanged,
}

/// Labels and annotations to set, or to take away, beside what field managers say: what has to outlive every apply
/// and is nobody's intent, that a step was taken and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Annotations by key; nothing takes one away.
    pub annotations: BTreeMap<String, Option<String>>,
    /// Labels by key.
    pub labels: BTreeMap<String, Option<String>>,
}

impl Marks {
    /// Sets an annotation.
    pub fn annotate(&mut self, key: &str, value: &str) {
        self.annotations
            .insert(key.to_owned(), Some(value.to_owned()));
    }

    /// Takes an annotation away.
    pub fn remove_annotation(&mut self, key: &str) {
        self.annotations.insert(key.to_owned(), None);
    }

    /// Sets a label.
    pub fn label(&mut self, key: &str, value: &str) {
        self.labels.insert(key.to_owned(), Some(value.to_owned()));
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty() && self.labels.is_empty()
    }

    /// The merge patch that sets them.
    #[must_use]
    pub fn patch(&self) -> Value {
        let maps = [("annotations", &self.annotations), ("labels", &self.labels)];
        let maps = maps.into_iter().filter(|(_, map)| !map.is_empty());
        let metadata: Map<_, _> = maps
            .map(|(name, map)| (name.to_owned(), json!(map)))
            .collect();
        json!({"metadata": metadata})
    }
}

/// One write, decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Create an object that does not exist.
    Create(Draft),
    /// Apply to an object that exists.
    Apply(Draft, Version, Guard),
    /// Replace lists of an object in exactly this state, at these JSON pointers: what an apply can't do
    /// where another field manager owns an item of the list.
    Replace(Draft, Version, Vec<(String, Value)>),
    /// Set labels and annotations of an object in exactly this state.
    Mark(ApiResource, Target, Version, Marks),
    /// Delete an object in exactly this state, and what it owns in the background.
    Delete(ApiResource, Target, Version),
}

impl Write {
    /// The kind and name of what is written.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Create(draft) | Self::Apply(draft, ..) | Self::Replace(draft, ..) => {
                draft.target()
            }
            Self::Delete(_, target, _) | Self::Mark(_, target, ..) => target.clone(),
        }
    }
}
