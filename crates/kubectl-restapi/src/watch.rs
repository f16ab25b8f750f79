//! What there is, again and again as it changes.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll, select_all};
use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::{Store, store};
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource};
use restapi_types::RestAPI;
use serde::de::DeserializeOwned;

use crate::cluster::Cluster;
use crate::objects::{Objects, parts_of, records_of};
use crate::output;

/// How long changes are gathered before they are shown: they seldom come alone.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// What there is by now.
#[derive(Debug)]
pub enum Seen {
    /// One application, and all of it.
    Application(Box<Objects>),
    /// It is not there any more.
    Gone,
    /// All applications.
    All(Vec<Arc<RestAPI>>),
}

/// What a watch reports; its number goes with it.
enum News {
    Changed,
    /// Everything that there was when it began has been told.
    Listed(usize),
    Failed(String),
}

/// Stores that watches fill.
pub struct Watched {
    stores: Stores,
    /// How many watches there are, and which have told everything that there was.
    watches: usize,
    listed: BTreeSet<usize>,
    news: SelectAll<BoxStream<'static, News>>,
    complaint: Option<String>,
}

enum Stores {
    Application(Box<Parts>),
    All(Store<RestAPI>),
}

struct Parts {
    restapi: Store<RestAPI>,
    records: Store<ControllerRevision>,
    deployments: Store<Deployment>,
    stateful_sets: Store<StatefulSet>,
    pods: Store<Pod>,
}

impl Watched {
    /// One application, with everything that it is shown with.
    #[must_use]
    pub fn application(cluster: &Cluster, name: &str) -> Self {
        let own = Config::default().fields(&format!("metadata.name={name}"));
        let parts = Config::default().labels(&parts_of(name));
        let recorded = Config::default().labels(&records_of(name));
        let mut news = Vec::new();
        let stores = Stores::Application(Box::new(Parts {
            restapi: follow(&mut news, cluster.api(), own),
            records: follow(&mut news, cluster.api(), recorded),
            deployments: follow(&mut news, cluster.api(), parts.clone()),
            stateful_sets: follow(&mut news, cluster.api(), parts.clone()),
            pods: follow(&mut news, cluster.api(), parts),
        }));
        Self::new(stores, news)
    }

    /// All applications, of the namespace or of all.
    #[must_use]
    pub fn restapis(cluster: &Cluster, everywhere: bool) -> Self {
        let mut news = Vec::new();
        let all = follow(&mut news, cluster.restapis(everywhere), Config::default());
        Self::new(Stores::All(all), news)
    }

    fn new(stores: Stores, news: Vec<BoxStream<'static, News>>) -> Self {
        Self {
            stores,
            watches: news.len(),
            listed: BTreeSet::new(),
            news: select_all(news),
            complaint: None,
        }
    }

    /// What there is after the next changes; only what is complete.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            let first = self.news.next().await?;
            self.take(first);
            tokio::time::sleep(DEBOUNCE).await;
            while let Some(Some(news)) = self.news.next().now_or_never() {
                self.take(news);
            }
            if self.listed.len() == self.watches {
                return Some(self.seen());
            }
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Changed => {}
            News::Listed(watch) => {
                self.listed.insert(watch);
                self.complaint = None;
            }
            // It is tried again by itself; told once, not at each try.
            News::Failed(why) => {
                if self.complaint.as_ref() != Some(&why) {
                    output::complain(&why);
                    self.complaint = Some(why);
                }
            }
        }
    }

    fn seen(&self) -> Seen {
        match &self.stores {
            Stores::All(all) => Seen::All(all.state()),
            Stores::Application(parts) => match parts.restapi.state().into_iter().next() {
                None => Seen::Gone,
                Some(restapi) => Seen::Application(Box::new(Objects {
                    restapi,
                    records: parts.records.state(),
                    deployments: parts.deployments.state(),
                    stateful_sets: parts.stateful_sets.state(),
                    pods: parts.pods.state(),
                })),
            },
        }
    }
}

/// A store that a watch fills, whose news is added to `all`.
fn follow<K>(all: &mut Vec<BoxStream<'static, News>>, api: Api<K>, config: Config) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let (reader, writer) = store();
    let number = all.len();
    let events = watcher(api, config).default_backoff().reflect(writer);
    let news = events.map(move |event| match event {
        Ok(Event::InitDone) => News::Listed(number),
        Ok(_) => News::Changed,
        Err(error) => News::Failed(error.to_string()),
    });
    all.push(news.boxed());
    reader
}
