//! A reconciler that notes its calls and does what a test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use manager_kit::watch::InvalidObject;
use manager_kit::{HeldShard, ReconcileError, Reconciler, Requeue};
use tokio::time::Instant;

#[derive(Debug, thiserror::Error)]
#[error("as the test wanted")]
pub(crate) struct Wanted;

impl ReconcileError for Wanted {
    fn category(&self) -> &'static str {
        "wanted"
    }
}

type Behaviour =
    dyn Fn(Arc<Deployment>, HeldShard) -> BoxFuture<'static, Result<Requeue, Wanted>> + Send + Sync;

pub(crate) struct Recorder {
    behaviour: Box<Behaviour>,
    calls: Mutex<BTreeMap<String, Vec<Instant>>>,
    rejected: Mutex<Vec<String>>,
    running: Mutex<(usize, usize)>,
}

impl Recorder {
    pub(crate) fn doing<F, Fut>(behaviour: F) -> Arc<Self>
    where
        F: Fn(Arc<Deployment>, HeldShard) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Requeue, Wanted>> + Send + 'static,
    {
        Arc::new(Self {
            behaviour: Box::new(move |object, shard| Box::pin(behaviour(object, shard))),
            calls: Mutex::default(),
            rejected: Mutex::default(),
            running: Mutex::default(),
        })
    }

    pub(crate) fn idle() -> Arc<Self> {
        Self::doing(|_, _| async { Ok(Requeue::AwaitChange) })
    }

    /// When the object was reconciled.
    pub(crate) fn calls(&self, name: &str) -> Vec<Instant> {
        self.calls
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// How many objects were reconciled.
    pub(crate) fn objects(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// The objects that were rejected, with the reason.
    pub(crate) fn rejected(&self) -> Vec<String> {
        self.rejected.lock().unwrap().clone()
    }

    /// The most reconciles that ran at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.running.lock().unwrap().1
    }
}

impl Reconciler for Recorder {
    type Object = Deployment;
    type Error = Wanted;

    async fn reconcile(
        &self,
        object: Arc<Deployment>,
        shard: HeldShard,
    ) -> Result<Requeue, Wanted> {
        self.calls
            .lock()
            .unwrap()
            .entry(object.name_any())
            .or_default()
            .push(Instant::now());
        {
            let mut running = self.running.lock().unwrap();
            running.0 += 1;
            running.1 = running.1.max(running.0);
        }
        let result = (self.behaviour)(object, shard).await;
        self.running.lock().unwrap().0 -= 1;
        result
    }

    async fn reject(&self, invalid: Arc<InvalidObject>, _: HeldShard) -> Result<Requeue, Wanted> {
        let name = invalid.metadata.name.as_deref().unwrap_or_default();
        self.rejected
            .lock()
            .unwrap()
            .push(format!("{name}: {}", invalid.error));
        Ok(Requeue::AwaitChange)
    }
}
