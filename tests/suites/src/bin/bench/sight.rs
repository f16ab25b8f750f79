//! What a watcher beside the manager sees, and when.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::stream::{BoxStream, StreamExt as _, select_all};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt as _};
use restapi_types::RestAPI;
use serde::de::DeserializeOwned;
use suites::namespace::Namespace;

/// Something that was seen.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A list is complete.
    Listed,
    /// An application as it is now.
    App(Box<RestAPI>),
    /// A Deployment as it is now.
    Deployment(Box<Deployment>),
    /// A Service as it is now.
    Service(Box<Service>),
    /// The object of this kind and name is gone.
    Gone(String, String),
}

/// A watcher of the applications, Deployments and Services of a namespace.
pub struct Sight {
    seen: BoxStream<'static, Result<(Instant, Seen)>>,
    limit: Duration,
}

impl Sight {
    /// Watches, and returns when everything that exists has been seen.
    ///
    /// # Errors
    /// When a watch is refused.
    pub async fn of(namespace: &Namespace, limit: Duration) -> Result<Self> {
        let seen = select_all([
            watched(namespace, |o: RestAPI| Seen::App(Box::new(o))),
            watched(namespace, |o: Deployment| Seen::Deployment(Box::new(o))),
            watched(namespace, |o: Service| Seen::Service(Box::new(o))),
        ]);
        let seen = seen.boxed();
        let mut sight = Self { seen, limit };
        for _ in 0..3 {
            let listed = |seen: &Seen| matches!(seen, Seen::Listed).then_some(());
            sight.until("everything is seen", listed).await?;
        }
        Ok(sight)
    }

    /// Looks until `found` returns something; returns that, and when it was seen.
    ///
    /// # Errors
    /// When that takes longer than the limit, or a watch fails.
    pub async fn until<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&Seen) -> Option<T>,
    ) -> Result<(Instant, T)> {
        let looking = async {
            while let Some(seen) = self.seen.next().await {
                let (at, seen) = seen?;
                if let Some(found) = found(&seen) {
                    return Ok((at, found));
                }
            }
            bail!("the watches ended")
        };
        tokio::time::timeout(self.limit, looking)
            .await
            .with_context(|| format!("not seen within {:?}: {what}", self.limit))?
    }
}

fn watched<K>(
    namespace: &Namespace,
    seen: fn(K) -> Seen,
) -> BoxStream<'static, Result<(Instant, Seen)>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let events = watcher(namespace.api::<K>(), watcher::Config::default());
    let seen = events.filter_map(move |event| async move {
        let at = Instant::now();
        match event.with_context(|| format!("watching {}", K::kind(&()))) {
            Err(error) => Some(Err(error)),
            Ok(Event::Init) => None,
            Ok(Event::InitDone) => Some(Ok((at, Seen::Listed))),
            Ok(Event::Apply(object) | Event::InitApply(object)) => Some(Ok((at, seen(object)))),
            Ok(Event::Delete(object)) => {
                let (kind, name) = (K::kind(&()).into_owned(), object.name_any());
                Some(Ok((at, Seen::Gone(kind, name))))
            }
        }
    });
    seen.boxed()
}

/// Milliseconds from `begin` to `end`; 0 when it was seen the other way round.
pub fn milliseconds(begin: Instant, end: Instant) -> f64 {
    end.saturating_duration_since(begin).as_secs_f64() * 1000.0
}
