//! What happens meanwhile.

mod autoscalers;
mod manager;
mod proxy;
mod slow_api;
mod surrounding;

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams};
use restapi_types::{ComponentName, Environment, RestAPI, keys, names};
use serde_json::json;
use suites::app::App;
use suites::namespace::Namespace;
use suites::operator::{self, Operator};
use suites::processes;
use tokio::task::JoinHandle;

pub(super) use self::manager::Interruption;
use self::slow_api::SlowApi;
use self::surrounding::Surrounding;
use super::Args;
use super::part::Part;

/// How often the `RestAPI` is applied.
const APPLIED: Duration = Duration::from_secs(1);

/// What happens meanwhile, and what it needs.
pub(super) struct Disturbance {
    part: Part,
    manager: Operator,
    slow_api: Option<SlowApi>,
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
    /// Prepares what a part needs of the cluster, before there is an application.
    pub(super) async fn begin(part: Part, namespace: &Namespace, args: &Args) -> Result<Self> {
        let manager = Operator::named(&namespace.client, operator::BLUEGREEN);
        let slow_api = if part == Part::ApiSlow {
            let program = args.bluegreen_manager.as_deref();
            Some(SlowApi::start(&manager, program, namespace).await?)
        } else {
            None
        };
        Ok(Self {
            part,
            manager,
            slow_api,
        })
    }

    /// Leaves the cluster as it was.
    pub(super) async fn end(self) -> Result<()> {
        match self.slow_api {
            Some(slow_api) => slow_api.stop(&self.manager).await,
            None => Ok(()),
        }
    }

    /// Begins what goes on all the time.
    pub(super) async fn during(&self, app: &App) -> Result<During> {
        let mut task = None;
        match self.part {
            Part::GitOps => task = Some(tokio::spawn(apply(app.clone()))),
            Part::HpaScaling => autoscalers::create(app).await?,
            _ => {}
        }
        if let Some(killed) = self.part.killed() {
            let surrounding = Surrounding::find(&app.namespace.client, killed).await?;
            task = Some(tokio::spawn(surrounding.kill_again_and_again()));
        }
        Ok(During(task))
    }

    /// Does what is done before a switch, and prepares what is done in the middle of it; `share` of all switches are
    /// over.
    pub(super) async fn aim(&self, app: &App, share: f64) -> Result<Option<Interruption>> {
        match self.part {
            Part::ManagerKilled => Ok(Some(Interruption::aim(&self.manager, share).await?)),
            Part::HpaScaling => autoscalers::scale(app, share).await.map(|()| None),
            _ => Ok(None),
        }
    }

    /// Whom a strike after a switch to `environment` kills: the processes of all its pods.
    pub(super) async fn victims(&self, app: &App, environment: Environment) -> Result<Vec<i32>> {
        if self.part != Part::GreenKilled {
            return Ok(Vec::new());
        }
        let label = format!("{}={environment}", keys::ENVIRONMENT);
        let pods = app.namespace.api::<Pod>();
        let pods = pods.list(&ListParams::default().labels(&label)).await?;
        let uids: Vec<String> = pods.iter().filter_map(Pod::uid).collect();
        let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
        let found = processes::of_pods(&uids, processes::OURS);
        ensure!(
            found.len() == uids.len() && found.len() >= ComponentName::ALL.len(),
            "{} pods of {environment} have the processes {found:?}",
            uids.len()
        );
        Ok(found)
    }

    /// Does what is done once after each switch.
    pub(super) async fn strike(&self, app: &App, victims: Vec<i32>) -> Result<()> {
        match self.part {
            Part::ManagerKilled => manager::renew(&self.manager).await,
            Part::SelectorEdited => edit(app).await,
            Part::GreenKilled => processes::kill_at_once(&victims),
            _ => Ok(()),
        }
    }

    /// Whether that breaks what serves.
    pub(super) fn breaks_what_serves(&self) -> bool {
        matches!(self.part, Part::SelectorEdited | Part::GreenKilled)
    }

    /// Whether somebody says `rollback` at once when what serves was broken.
    pub(super) fn is_remedied_by_rollback(&self) -> bool {
        self.part == Part::GreenKilled
    }
}

async fn apply(app: App) {
    let api = app.namespace.api::<RestAPI>();
    // What is in git says nothing of the image that is tried out: only what never changes is applied.
    let body = json!({
        "apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
        "metadata": {"name": app.name, "labels": {"gitops": "true"}},
        "spec": {"blueGreen": {"promotion": {"mode": "Manual"}}},
    });
    let params = PatchParams::apply("gitops").force();
    loop {
        if let Err(error) = api.patch(&app.name, &params, &Patch::Apply(&body)).await {
            eprintln!("switch: applying failed: {error}");
        }
        tokio::time::sleep(APPLIED).await;
    }
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
