//! What one ConfigMap or Secret holds, as a hash. The content itself is forgotten at once.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, ResourceExt as _};
use restapi_resources::canonical;
use restapi_resources::references::{Reference, ReferenceKind};
use restapi_types::ComponentName;
use serde_json::json;

use super::store::Key;

/// What is known of an object's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The hash of its data, and the version in which it was read.
    Found {
        /// The hash.
        hash: String,
        /// `metadata.resourceVersion`.
        version: String,
    },
    /// There is no such object.
    Absent,
    /// The manager may not read it; the API server's words.
    Forbidden(String),
}

impl Content {
    /// The hash; none when there is nothing that could be read.
    pub(super) fn hash(&self) -> Option<&str> {
        match self {
            Self::Found { hash, .. } => Some(hash),
            Self::Absent | Self::Forbidden(_) => None,
        }
    }

    /// Whether the object was read in that version.
    pub(super) fn is_of(&self, version: Option<&str>) -> bool {
        match self {
            Self::Found { version: read, .. } => version == Some(read),
            Self::Absent => version.is_none(),
            Self::Forbidden(_) => false,
        }
    }

    /// Why a component that refers to it can't start, and the fix.
    pub(super) fn lack(&self, reference: &Reference, component: ComponentName) -> Option<String> {
        let (kind, name) = (reference.kind.as_str(), &reference.name);
        match self {
            Self::Absent if !reference.optional => Some(format!(
                "{component}: {kind} {name} does not exist: create it, or correct {}; what runs is left as it is",
                component.path()
            )),
            Self::Forbidden(said) => Some(format!(
                "{component}: {kind} {name} can't be read ({said}): give core-reconciler the right to get it; what runs is left as it is"
            )),
            Self::Absent | Self::Found { .. } => None,
        }
    }
}

/// Reads the object of `key`.
///
/// # Errors
/// When the API server does not answer.
pub(super) async fn read(client: &Client, key: &Key) -> Result<Content, kube::Error> {
    let read = match key.kind {
        ReferenceKind::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), &key.namespace);
            let found = api.get_opt(&key.name).await;
            found.map(|found| found.map(|o| (json!([o.data, o.binary_data]), o.resource_version())))
        }
        ReferenceKind::Secret => {
            let api: Api<Secret> = Api::namespaced(client.clone(), &key.namespace);
            let found = api.get_opt(&key.name).await;
            found.map(|found| found.map(|o| (json!(o.data), o.resource_version())))
        }
    };
    match read {
        Ok(Some((data, version))) => Ok(Content::Found {
            hash: canonical::hash(&data),
            version: version.unwrap_or_default(),
        }),
        Ok(None) => Ok(Content::Absent),
        Err(kube::Error::Api(status)) if status.code == 403 => {
            Ok(Content::Forbidden(status.message.clone()))
        }
        Err(error) => Err(error),
    }
}
