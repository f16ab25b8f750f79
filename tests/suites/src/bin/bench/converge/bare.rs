//! The bare client: writes what core-reconciler writes, as fast as the API server takes it. It watches
//! nothing, compares nothing and reports nothing, so it is what a manager is measured against.

use anyhow::{Context, Result};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use restapi_types::RestAPI;
use suites::namespace::Namespace;

use super::recording::{Recording, Write};
use crate::applications::at_once;

/// Everything that is to be written for some applications, made ready before any clock starts.
pub struct Client {
    writes: Vec<Write>,
}

impl Client {
    /// A client that writes the objects of `recording` for each of `applications`.
    ///
    /// # Errors
    /// When they can't be adapted.
    pub fn new(recording: &Recording, applications: &[RestAPI]) -> Result<Self> {
        let mut writes = Vec::new();
        for application in applications {
            writes.extend(recording.writes_for(application)?);
        }
        Ok(Self { writes })
    }

    /// Writes everything with `in_flight` requests at a time.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn write(&self, namespace: &Namespace, in_flight: usize) -> Result<()> {
        at_once(self.writes.iter().map(|w| apply(namespace, w)), in_flight).await?;
        Ok(())
    }
}

async fn apply(namespace: &Namespace, write: &Write) -> Result<()> {
    let api: Api<DynamicObject> =
        Api::namespaced_with(namespace.client.clone(), &namespace.name, &write.resource);
    let params = PatchParams::apply(&write.manager).force();
    api.patch(&write.name, &params, &Patch::Apply(&write.body))
        .await
        .with_context(|| format!("applying {} {}", write.resource.kind, write.name))?;
    Ok(())
}
