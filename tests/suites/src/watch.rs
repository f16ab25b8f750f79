//! Waiting for objects by watching them, not by asking again and again: the API server that is measured or
//! put under load is not burdened by those who look on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt as _, pin_mut};
use kube::runtime::wait::await_condition;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

/// Waits until exactly `count` objects exist and `is_done` holds for each; returns when that was seen.
///
/// # Errors
/// When that takes longer than `limit`, with how many are done and one that isn't, or when the watch is
/// refused.
pub async fn until_all<K>(
    api: Api<K>,
    count: usize,
    limit: Duration,
    is_done: impl Fn(&K) -> bool,
) -> Result<Instant>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut tally = Tally::default();
    let seen = async {
        let events = watcher(api, watcher::Config::default());
        pin_mut!(events);
        while let Some(event) = events.next().await {
            tally.note(
                event.with_context(|| format!("watching {}", K::kind(&())))?,
                &is_done,
            );
            if tally.is_complete(count) {
                return Ok(Instant::now());
            }
        }
        bail!("the watch of {} ended", K::kind(&()))
    };
    match tokio::time::timeout(limit, seen).await {
        Ok(result) => result,
        Err(_) => bail!(
            "after {} s {} of {count} {} are done: {tally:?}",
            limit.as_secs(),
            tally.done.len(),
            K::plural(&())
        ),
    }
}

/// Waits for the first object for which `found` returns something, and returns that.
///
/// # Errors
/// When there is none within `limit`, with `what` was waited for and the objects as last seen, or when the
/// watch is refused.
pub async fn first<K, T>(
    api: Api<K>,
    config: watcher::Config,
    limit: Duration,
    what: &str,
    found: impl Fn(&K) -> Option<T>,
) -> Result<T>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    let seen = async {
        let events = watcher(api, config);
        pin_mut!(events);
        while let Some(event) = events.next().await {
            match event.with_context(|| format!("watching {}", K::kind(&())))? {
                Event::Apply(object) | Event::InitApply(object) => {
                    if let Some(value) = found(&object) {
                        return Ok(value);
                    }
                    last.insert(object.name_any(), format!("{object:?}"));
                }
                Event::Delete(object) => drop(last.remove(&object.name_any())),
                Event::Init | Event::InitDone => {}
            }
        }
        bail!("the watch of {} ended", K::kind(&()))
    };
    match tokio::time::timeout(limit, seen).await {
        Ok(result) => result,
        Err(_) => bail!(
            "{what}: not within {} s; last seen: {last:#?}",
            limit.as_secs()
        ),
    }
}

/// Waits until the object `name` does not exist.
///
/// # Errors
/// When it is still there after `limit`, or when it can't be watched.
pub async fn until_none<K>(api: Api<K>, name: &str, limit: Duration) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    match tokio::time::timeout(
        limit,
        await_condition(api, name, |object: Option<&K>| object.is_none()),
    )
    .await
    {
        Ok(result) => {
            result.with_context(|| format!("watching {} {name}", K::kind(&())))?;
            Ok(())
        }
        Err(_) => bail!(
            "{} {name} is still there after {} s",
            K::kind(&()),
            limit.as_secs()
        ),
    }
}

/// Which objects of those seen are done.
#[derive(Debug, Default)]
struct Tally {
    done: BTreeSet<String>,
    undone: BTreeSet<String>,
    is_listed: bool,
}

impl Tally {
    fn note<K>(&mut self, event: Event<K>, is_done: impl Fn(&K) -> bool)
    where
        K: Resource<DynamicType = ()>,
    {
        match event {
            Event::Init => *self = Self::default(),
            Event::InitDone => self.is_listed = true,
            Event::Apply(object) | Event::InitApply(object) => {
                let (to, from) = if is_done(&object) {
                    (&mut self.done, &mut self.undone)
                } else {
                    (&mut self.undone, &mut self.done)
                };
                from.remove(&object.name_any());
                to.insert(object.name_any());
            }
            Event::Delete(object) => {
                self.done.remove(&object.name_any());
                self.undone.remove(&object.name_any());
            }
        }
    }

    fn is_complete(&self, count: usize) -> bool {
        self.is_listed && self.undone.is_empty() && self.done.len() == count
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(name: &str, done: bool) -> ConfigMap {
        let mut object = ConfigMap {
            immutable: Some(done),
            ..ConfigMap::default()
        };
        object.metadata.name = Some(name.to_owned());
        object
    }

    fn tally(events: Vec<Event<ConfigMap>>) -> Tally {
        let mut tally = Tally::default();
        for event in events {
            tally.note(event, |object: &ConfigMap| object.immutable == Some(true));
        }
        tally
    }

    #[test]
    fn objects_count_once_and_only_while_they_are_done() {
        let two = tally(vec![
            Event::Init,
            Event::InitApply(object("a", true)),
            Event::InitApply(object("b", false)),
            Event::InitDone,
            Event::Apply(object("b", true)),
            Event::Apply(object("a", true)),
        ]);
        assert!(two.is_complete(2));
        assert!(!two.is_complete(3));
        let mut one = two;
        one.note(Event::Apply(object("a", false)), |object| {
            object.immutable == Some(true)
        });
        assert!(!one.is_complete(1), "a is there and not done");
        one.note(Event::Delete(object("a", false)), |_: &ConfigMap| true);
        assert!(one.is_complete(1));
    }

    #[test]
    fn nothing_is_complete_before_the_list_is() {
        let listing = tally(vec![Event::Init, Event::InitApply(object("a", true))]);
        assert!(!listing.is_complete(1));
    }
}
