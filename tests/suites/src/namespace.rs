//! A namespace for each test, which is gone after it, whatever happens in it.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::api::{DeleteParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde_json::json;

use crate::env::Env;

/// The label of namespaces that tests made.
pub const LABEL: &str = "restapi.dev/test-suite";

/// How many of the last lines of each log a failure shows.
const TAIL: usize = 10;

/// The namespace of one test, and what the test works with.
#[derive(Clone)]
pub struct Namespace {
    /// Its name, `TEST-NUMBER`.
    pub name: String,
    /// A client of the cluster.
    pub client: Client,
    /// The surroundings.
    pub env: Env,
}

impl Namespace {
    /// Objects of a kind in this namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// The folder of the logs of what is started in this namespace.
    #[must_use]
    pub fn logs(&self) -> std::path::PathBuf {
        self.env.logs(&self.name)
    }

    async fn create(test: &str) -> Result<Self> {
        let env = Env::read()?;
        let client = env.client().await?;
        let name = unique(test);
        let body =
            serde_json::from_value(json!({"metadata": {"name": name, "labels": {LABEL: ""}}}))?;
        let api = Api::<KubeNamespace>::all(client.clone());
        let created = api.create(&PostParams::default(), &body).await;
        created.with_context(|| format!("creating the namespace {name}"))?;
        Ok(Self { name, client, env })
    }

    /// Asks for the namespace's deletion; the cluster finishes it.
    async fn delete(&self) -> Result<()> {
        let api = Api::<KubeNamespace>::all(self.client.clone());
        api.delete(&self.name, &DeleteParams::background()).await?;
        Ok(())
    }
}

/// Runs `test` in a new namespace and deletes that afterwards, also when `test` fails or panics. A
/// failure shows the ends of the logs of what the test started.
///
/// # Errors
/// Those of `test`, and when the namespace can't be created or deleted.
pub async fn with(test: &str, work: impl AsyncFnOnce(Namespace) -> Result<()>) -> Result<()> {
    let namespace = Namespace::create(test).await?;
    let result = AssertUnwindSafe(work(namespace.clone()))
        .catch_unwind()
        .await;
    let deleted = namespace.delete().await;
    match result {
        Ok(Ok(())) => deleted,
        Ok(Err(error)) => Err(error.context(format!("logs: {}", tails(&namespace.logs())))),
        Err(panic) => {
            println!("logs: {}", tails(&namespace.logs()));
            resume_unwind(panic)
        }
    }
}

/// A name that no other test, and no earlier run, has.
fn unique(test: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = jiff::Timestamp::now().as_millisecond();
    format!("{test}-{now:x}-{count}")
}

fn tails(logs: &Path) -> String {
    let Ok(files) = std::fs::read_dir(logs) else {
        return "none".to_owned();
    };
    let mut text = String::new();
    for path in files.filter_map(|file| Some(file.ok()?.path())) {
        let log = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.len().saturating_sub(TAIL);
        let tail = lines.get(end..).unwrap_or_default().join("\n  ");
        text = format!("{text}\n{}:\n  {tail}", path.display());
    }
    text
}
