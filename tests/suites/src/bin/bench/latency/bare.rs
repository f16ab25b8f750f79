//! The least that a change can take here: a client that knows already what to write.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use suites::namespace::Namespace;

use super::Change;
use crate::sight::{Seen, Sight, milliseconds};

/// The Deployment that it writes.
const NAME: &str = "bare";

/// A client that applies a Deployment as soon as it sees the change of an application that nobody else
/// reconciles: one watch event, one server-side apply, one watch event.
pub(super) struct Bare {
    deployment: Deployment,
}

impl Bare {
    /// Takes the Deployment of `change` as its own, under another name and without pods.
    pub(super) async fn like(change: &Change, namespace: &Namespace) -> Result<Self> {
        let api = namespace.api::<Deployment>();
        let mut deployment = api.get(&change.deployment).await?;
        deployment.metadata = ObjectMeta {
            name: Some(NAME.to_owned()),
            annotations: deployment.metadata.annotations,
            ..ObjectMeta::default()
        };
        deployment.status = None;
        let labels = BTreeMap::from([("bench".to_owned(), NAME.to_owned())]);
        let spec = deployment.spec.get_or_insert_default();
        spec.replicas = Some(0);
        spec.selector.match_labels = Some(labels.clone());
        spec.template.metadata.get_or_insert_default().labels = Some(labels);
        let bare = Self { deployment };
        bare.apply(namespace).await?;
        Ok(bare)
    }

    fn run(&mut self, image: &str) {
        let spec = self.deployment.spec.as_mut();
        let pod = spec.and_then(|spec| spec.template.spec.as_mut());
        for container in pod.into_iter().flat_map(|pod| &mut pod.containers) {
            container.image = Some(image.to_owned());
        }
    }

    /// The milliseconds from the change to the write, taken as [`Change::measured`] takes them.
    pub(super) async fn measured(
        &mut self,
        change: &Change,
        namespace: &Namespace,
        sight: &mut Sight,
    ) -> Result<f64> {
        self.run(&change.image);
        let told = sight.until("the change", |seen| match seen {
            Seen::App(app) if change.is_of(app) => Some(()),
            _ => None,
        });
        let ((answered, _), (told, ())) = futures::try_join!(change.made(namespace), told)?;
        self.apply(namespace).await?;
        let image = &change.image;
        let written = sight.until("the Deployment", |seen| match seen {
            Seen::Deployment(found) => super::runs(found, NAME, image).then_some(()),
            _ => None,
        });
        let (written, ()) = written.await?;
        Ok(milliseconds(told.min(answered), written))
    }

    async fn apply(&self, namespace: &Namespace) -> Result<()> {
        let params = PatchParams::apply("bench").force();
        let sent = namespace
            .api::<Deployment>()
            .patch(NAME, &params, &Patch::Apply(&self.deployment))
            .await;
        sent.context("applying the bare Deployment")?;
        Ok(())
    }
}
