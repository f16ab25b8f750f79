//! An application under test: a `RestAPI` of the demo, and what a test does with it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::watcher;
use restapi_types::{ComponentName, Phase, RestAPI, names};
use serde_json::{Value, json};

use crate::chain;
use crate::http;
use crate::namespace::Namespace;
use crate::pods;
use crate::wait::eventually;
use crate::watch;

/// How long an application may take to be ready: four pods in a row on a machine that is busy with others.
pub const READY: Duration = Duration::from_secs(90);

/// How long nodes may take to route to the first pod of a Service.
const ROUTED: Duration = Duration::from_secs(10);

/// A `RestAPI` of the demo application.
#[derive(Clone)]
pub struct App {
    /// The namespace that it lives in.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
}

impl App {
    /// Creates the application `name` with the components and fields of `spec`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn create(namespace: &Namespace, name: &str, spec: Value) -> Result<Self> {
        let object = json!({
            "apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI",
            "metadata": {"name": name}, "spec": spec,
        });
        // Boxed: a whole RestAPI is too much to be moved around in what tests wait for.
        let restapi: Box<RestAPI> =
            serde_json::from_value(object).context("the spec of a RestAPI")?;
        let api = namespace.api::<RestAPI>();
        let created = Box::pin(api.create(&PostParams::default(), &restapi)).await;
        created.context("creating a RestAPI")?;
        Ok(Self {
            namespace: namespace.clone(),
            name: name.to_owned(),
        })
    }

    /// Creates the application `orders` of four components, each with one pod of `image`, and waits until it
    /// is ready and answers.
    ///
    /// # Errors
    /// As [`App::create`], [`App::ready`] and [`App::answers`].
    pub async fn orders(namespace: &Namespace, image: &str) -> Result<Self> {
        let app = Self::create(namespace, "orders", four(image)).await?;
        app.ready().await?;
        app.answers().await?;
        Ok(app)
    }

    /// Waits until a request goes through all components: for the first moments after a Service got its first
    /// pod, the nodes still refuse connections to it, since kube-proxy follows about once a second.
    ///
    /// # Errors
    /// When that takes longer than `ROUTED`.
    pub async fn answers(&self) -> Result<()> {
        eventually(
            ROUTED,
            "a request goes through all components",
            async || chain::whole(&self.get("/api/chain").await?, ComponentName::View),
        )
        .await?;
        Ok(())
    }

    /// Changes the spec: fields of `change` replace those of the same name, `null` removes one.
    ///
    /// # Errors
    /// When the change is refused.
    pub async fn change(&self, change: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": change}));
        let api = self.namespace.api::<RestAPI>();
        let changed = api.patch(&self.name, &PatchParams::default(), &patch).await;
        changed.with_context(|| format!("changing the RestAPI {}", self.name))?;
        Ok(())
    }

    /// Sets an annotation of the object.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn annotate(&self, key: &str, value: &str) -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {key: value}}}));
        let api = self.namespace.api::<RestAPI>();
        let changed = api.patch(&self.name, &PatchParams::default(), &patch).await;
        changed.with_context(|| format!("annotating the RestAPI {}", self.name))?;
        Ok(())
    }

    /// The object as it is stored.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn restapi(&self) -> Result<RestAPI> {
        Ok(self.namespace.api::<RestAPI>().get(&self.name).await?)
    }

    /// Waits until the status says that the newest spec is ready.
    ///
    /// # Errors
    /// When that takes longer than [`READY`], with the status as it is.
    pub async fn ready(&self) -> Result<RestAPI> {
        self.until("is ready", READY, |restapi| {
            is_ready(restapi).then(|| restapi.clone())
        })
        .await
    }

    /// Waits until `found` returns something for the object, and returns that.
    ///
    /// # Errors
    /// When that takes longer than `limit`, with the object as it is.
    pub async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        found: impl Fn(&RestAPI) -> Option<T>,
    ) -> Result<T> {
        let only = watcher::Config::default().fields(&format!("metadata.name={}", self.name));
        let what = format!("the RestAPI {} {what}", self.name);
        watch::first(self.namespace.api::<RestAPI>(), only, limit, &what, found).await
    }

    /// The address of a component's stable Service.
    ///
    /// # Errors
    /// When that Service doesn't exist.
    pub async fn address(&self, component: ComponentName) -> Result<SocketAddr> {
        let name = names::stable(&self.name, component);
        let service = self.namespace.api::<Service>().get(&name).await?;
        let spec = service.spec.unwrap_or_default();
        let port = spec
            .ports
            .into_iter()
            .flatten()
            .next()
            .context("it has no port")?
            .port;
        let address = spec
            .cluster_ip
            .with_context(|| format!("{name} has no address"))?;
        Ok(SocketAddr::new(address.parse()?, u16::try_from(port)?))
    }

    /// What the view answers to `GET path`.
    ///
    /// # Errors
    /// When it doesn't answer, or not with 200 and JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let url = format!("http://{}{path}", self.address(ComponentName::View).await?);
        let (code, text) = http::get(&url).await?;
        ensure!(code == 200, "GET {url} answers {code}: {text}");
        serde_json::from_str(&text).with_context(|| format!("GET {url} answers no JSON: {text}"))
    }

    /// The pods of one component, or of all.
    ///
    /// # Errors
    /// When they can't be listed.
    pub async fn pods(&self, component: Option<&str>) -> Result<Vec<Pod>> {
        pods::of(&self.namespace, &self.name, component).await
    }

    /// Waits until the application has `count` pods, all of them ready, and none on its way out.
    ///
    /// # Errors
    /// When that takes longer than [`READY`].
    pub async fn only_ready_pods(&self, count: usize) -> Result<Vec<Pod>> {
        let what = format!("{} has {count} pods, all ready", self.name);
        eventually(READY, &what, async || {
            let pods = self.pods(None).await?;
            let names: Vec<_> = pods
                .iter()
                .map(|pod| (pod.name_any(), pods::is_ready(pod)))
                .collect();
            ensure!(
                pods.len() == count && pods.iter().all(pods::is_ready),
                "{names:?}"
            );
            Ok(pods)
        })
        .await
    }
}

/// The spec of four components with `image` and nothing else.
#[must_use]
pub fn four(image: &str) -> Value {
    json!({"image": image, "model": {}, "view": {}, "controller": {}, "repository": {}})
}

/// Whether the status says that the newest spec is ready.
#[must_use]
pub fn is_ready(restapi: &RestAPI) -> bool {
    restapi.status.as_ref().is_some_and(|status| {
        status.phase == Some(Phase::Ready)
            && status.observed_generation == restapi.metadata.generation
    })
}

/// The message and the reason of a condition, when it is True.
#[must_use]
pub fn told(restapi: &RestAPI, type_: &str) -> Option<(String, String)> {
    let condition = restapi.status.as_ref()?.condition(type_)?;
    let condition = Some(condition).filter(|condition| condition.status == "True")?;
    Some((condition.reason.clone(), condition.message.clone()))
}
