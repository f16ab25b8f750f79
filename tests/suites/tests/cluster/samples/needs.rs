//! What samples refer to and don't bring.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use kube::{Api, Error, ResourceExt as _};
use serde_json::{Value, json};
use suites::namespace::Namespace;

use super::table::{Case, Remedy};

/// Something that has to be there first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A ConfigMap of this name with this key.
    ConfigMap(&'static str, &'static str),
    /// A Secret of this name with this key.
    Secret(&'static str, &'static str),
    /// A Secret of this name to pull images with.
    PullSecret(&'static str),
    /// A `PriorityClass` of this name.
    PriorityClass(&'static str),
    /// A `StorageClass` of this name, served by what serves the local cluster's own.
    StorageClass(&'static str),
    /// A zone for each node, told by its label.
    Zones,
}

/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// Who makes these objects.
const MANAGER: &str = "samples";

impl Need {
    /// Makes it, or makes it what it should be.
    pub(super) async fn make(self, namespace: &Namespace) -> Result<()> {
        match self.object() {
            Some(object) => apply(namespace, &object).await,
            None => zones(namespace, |number| json!(format!("zone-{number}"))).await,
        }
    }

    /// Removes what is no namespace's and so would outlive the test.
    async fn clear(self, namespace: &Namespace) -> Result<()> {
        match self {
            Self::PriorityClass(_) | Self::StorageClass(_) => {
                let object = self.object().context("no object")?;
                match api(namespace, &object)?
                    .delete(name(&object)?, &DeleteParams::default())
                    .await
                {
                    Err(Error::Api(status)) if status.code == 404 => Ok(()),
                    deleted => Ok(deleted.map(drop)?),
                }
            }
            Self::Zones => zones(namespace, |_| Value::Null).await,
            Self::ConfigMap(..) | Self::Secret(..) | Self::PullSecret(_) => Ok(()),
        }
    }

    /// The object that it is, if it is one.
    fn object(self) -> Option<Value> {
        Some(match self {
            Self::ConfigMap(name, key) => json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name}, "data": {key: "some"},
            }),
            Self::Secret(name, key) => json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": name}, "stringData": {key: "some"},
            }),
            Self::PullSecret(name) => json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
                "stringData": {".dockerconfigjson": r#"{"auths": {}}"#},
            }),
            Self::PriorityClass(name) => json!({
                "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
                // Nobody is to give way to a test.
                "metadata": {"name": name}, "value": 0, "preemptionPolicy": "Never",
            }),
            Self::StorageClass(name) => json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
                "metadata": {"name": name}, "provisioner": "rancher.io/local-path",
                "volumeBindingMode": "WaitForFirstConsumer",
            }),
            Self::Zones => return None,
        })
    }
}

/// Removes what the case needs, or makes on its way, and what would outlive it.
pub(super) async fn clear(namespace: &Namespace, case: &Case) -> Result<()> {
    let made = case.lacks.iter().filter_map(|lack| match lack.remedy {
        Remedy::Make(need) => Some(need),
        Remedy::Change(_) => None,
    });
    for need in case.needs.iter().copied().chain(made) {
        need.clear(namespace).await?;
    }
    Ok(())
}

async fn apply(namespace: &Namespace, object: &Value) -> Result<()> {
    let params = PatchParams::apply(MANAGER);
    api(namespace, object)?
        .patch(name(object)?, &params, &Patch::Apply(object))
        .await
        .with_context(|| format!("making {object}"))?;
    Ok(())
}

fn name(object: &Value) -> Result<&str> {
    object["metadata"]["name"].as_str().context("no name")
}

/// The objects of this one's kind, in the namespace where that has any.
fn api(namespace: &Namespace, object: &Value) -> Result<Api<DynamicObject>> {
    let version = object["apiVersion"].as_str().context("no version")?;
    let kind = object["kind"].as_str().context("no kind")?;
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let client = namespace.client.clone();
    Ok(if matches!(kind, "PriorityClass" | "StorageClass") {
        Api::all_with(client, &resource)
    } else {
        Api::namespaced_with(client, &namespace.name, &resource)
    })
}

/// Labels each node with a zone, by its number.
async fn zones(namespace: &Namespace, zone: impl Fn(usize) -> Value) -> Result<()> {
    let api = Api::<Node>::all(namespace.client.clone());
    for (number, node) in api.list(&ListParams::default()).await?.iter().enumerate() {
        let label = Patch::Merge(json!({"metadata": {"labels": {ZONE: zone(number)}}}));
        api.patch(&node.name_any(), &PatchParams::default(), &label)
            .await?;
    }
    Ok(())
}
