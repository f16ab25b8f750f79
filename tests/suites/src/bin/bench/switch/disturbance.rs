//! What happens meanwhile.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use restapi_types::{ComponentName, RestAPI, keys, names};
use serde_json::json;
use suites::app::App;
use tokio::task::JoinHandle;

/// Where the managers are installed.
const MANAGERS: &str = "restapi-system";

/// What happens meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// The pod of the bluegreen-manager that works is deleted, without time to end, at some moment of each switch.
    ManagerKilled,
    /// The `RestAPI` is applied every second, as tools do that keep it in git.
    GitOps,
    /// Somebody changes the selector of the view's stable Service after each switch.
    SelectorEdited,
}

/// Something that goes on until it is dropped.
pub(super) struct During(Option<JoinHandle<()>>);

impl Drop for During {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

impl Disturbance {
    pub(super) const ALL: [Self; 3] = [Self::ManagerKilled, Self::GitOps, Self::SelectorEdited];

    /// As figures are called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ManagerKilled => "manager_killed",
            Self::GitOps => "gitops",
            Self::SelectorEdited => "selector_edited",
        }
    }

    /// Begins what goes on all the time.
    pub(super) fn during(self, app: &App) -> During {
        if self != Self::GitOps {
            return During(None);
        }
        let api = app.namespace.api::<RestAPI>();
        let name = app.name.clone();
        During(Some(tokio::spawn(async move {
            // What is in git says nothing of the image that is tried out: only what never changes is applied.
            let body = json!({
                "apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
                "metadata": {"name": name, "labels": {"gitops": "true"}},
                "spec": {"blueGreen": {"promotion": {"mode": "Manual"}}},
            });
            let params = PatchParams::apply("gitops").force();
            loop {
                if let Err(error) = api.patch(&name, &params, &Patch::Apply(&body)).await {
                    eprintln!("switch: applying failed: {error}");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })))
    }

    /// How often each revision is switched to or from at most: after a killed manager another one waits for its lease,
    /// and who writes the same field three times in a minute is let.
    pub(super) const fn turns(self) -> u32 {
        match self {
            Self::ManagerKilled => 8,
            Self::GitOps => u32::MAX,
            Self::SelectorEdited => 2,
        }
    }

    /// Does what is done in the middle of a switch, that long after the command.
    pub(super) async fn interrupt(self, app: &App, moment: Duration) -> Result<()> {
        if self == Self::ManagerKilled {
            tokio::time::sleep(moment).await;
            kill_manager(app).await?;
        }
        Ok(())
    }

    /// Does what is done once after each switch; says whether that breaks what serves.
    pub(super) async fn strike(self, app: &App) -> Result<bool> {
        match self {
            Self::ManagerKilled | Self::GitOps => Ok(false),
            Self::SelectorEdited => edit(app).await.map(|()| true),
        }
    }
}

/// Deletes the pod of whoever holds the lease, without time to end.
async fn kill_manager(app: &App) -> Result<()> {
    let client = app.namespace.client.clone();
    let leases: Api<Lease> = Api::namespaced(client.clone(), MANAGERS);
    let all = leases.list(&ListParams::default()).await?;
    let holders = all
        .iter()
        .filter(|lease| lease.name_any().contains("bluegreen"));
    let mut holders = holders.filter_map(|lease| lease.spec.as_ref()?.holder_identity.clone());
    let holder = holders
        .next()
        .context("nobody holds the lease of bluegreen-manager")?;
    let pods: Api<Pod> = Api::namespaced(client, MANAGERS);
    let ours = ListParams::default().labels("app.kubernetes.io/name=bluegreen-manager");
    let pods_now = pods.list(&ours).await?;
    let mut pods_now = pods_now.iter();
    let Some(pod) = pods_now.find(|pod| holder.starts_with(&pod.name_any())) else {
        // It is dead already, and nobody works yet.
        return Ok(());
    };
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete(&pod.name_any(), &at_once).await?;
    Ok(())
}

/// Has the view's stable Service select nothing.
async fn edit(app: &App) -> Result<()> {
    let name = names::stable(&app.name, ComponentName::View);
    let selector = json!({"spec": {"selector": {keys::ENVIRONMENT: "nothing"}}});
    let api = app.namespace.api::<Service>();
    api.patch(&name, &PatchParams::default(), &Patch::Merge(selector))
        .await?;
    Ok(())
}
