//! Where requests go, as a watcher of the EndpointSlices sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::StreamExt as _;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use restapi_types::Environment;
use suites::namespace::Namespace;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The environments behind each Service, by slice.
#[derive(Clone, Debug, Default)]
struct Behind {
    slices: BTreeMap<String, (String, BTreeSet<Environment>)>,
    at: Option<Instant>,
}

impl Behind {
    fn note(&mut self, event: Event<EndpointSlice>) {
        match event {
            Event::Apply(slice) | Event::InitApply(slice) => {
                let service = slice.labels().get("kubernetes.io/service-name");
                let service = service.cloned().unwrap_or_default();
                let pods = slice.endpoints.iter().filter_map(|endpoint| {
                    environment(endpoint.target_ref.as_ref()?.name.as_deref()?)
                });
                let pods = pods.collect();
                self.slices.insert(slice.name_any(), (service, pods));
            }
            Event::Delete(slice) => drop(self.slices.remove(&slice.name_any())),
            Event::Init | Event::InitDone => {}
        }
        self.at = Some(Instant::now());
    }

    fn is_only(&self, service: &str, environment: Environment) -> bool {
        let of_it = self.slices.values().filter(|(name, _)| name == service);
        let behind: BTreeSet<_> = of_it.flat_map(|(_, pods)| pods).copied().collect();
        behind == BTreeSet::from([environment])
    }
}

/// The environment of a pod, from its name.
fn environment(pod: &str) -> Option<Environment> {
    Environment::ALL
        .into_iter()
        .find(|e| pod.contains(&format!("-{e}-")))
}

/// A watcher of a namespace's slices.
pub(super) struct Traffic {
    behind: watch::Receiver<Behind>,
    watcher: JoinHandle<()>,
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Traffic {
    /// Watches from now on, and returns when everything that exists has been seen.
    pub(super) async fn of(namespace: &Namespace) -> Result<Self> {
        let (sender, mut behind) = watch::channel(Behind::default());
        let mut events =
            watcher(namespace.api::<EndpointSlice>(), watcher::Config::default()).boxed();
        let watcher = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let Ok(event) = event {
                    sender.send_modify(|behind| behind.note(event));
                }
            }
        });
        behind.wait_for(|behind| behind.at.is_some()).await?;
        Ok(Self { behind, watcher })
    }

    /// How many of these Services have endpoints in that environment and in no other.
    pub(super) fn count(&self, services: &[String], environment: Environment) -> usize {
        let behind = self.behind.borrow();
        let moved = services.iter().filter(|s| behind.is_only(s, environment));
        moved.count()
    }

    /// How many slices the Service has that hold endpoints.
    pub(super) fn slices(&self, service: &str) -> usize {
        let behind = self.behind.borrow();
        let slices = behind.slices.values();
        slices
            .filter(|(name, pods)| name == service && !pods.is_empty())
            .count()
    }

    /// Waits until the endpoints of all these Services are pods of that environment and no others; returns when that
    /// was seen.
    pub(super) async fn until(
        &mut self,
        services: &[String],
        environment: Environment,
        limit: Duration,
    ) -> Result<Instant> {
        let is_so = |behind: &Behind| services.iter().all(|s| behind.is_only(s, environment));
        let seen = tokio::time::timeout(limit, self.behind.wait_for(is_so)).await;
        let seen = seen.with_context(|| format!("not all in {environment} within {limit:?}"))??;
        seen.at.context("nothing was seen")
    }
}
