//! Waiting until every object of many applications exists.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use futures::{StreamExt as _, pin_mut};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams};
use kube::core::PartialObjectMeta;
use kube::discovery::ApiResource;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource as _, ResourceExt as _};
use restapi_types::{RestAPI, keys};
use suites::namespace::Namespace;

use super::recording::Recording;
use crate::applications::at_once;

/// How many objects are deleted at a time.
const DELETES: usize = 32;

/// Waits until `apps` times the objects of `recording` exist in `namespace`; returns when that was seen.
///
/// # Errors
/// When that takes longer than `limit`, or a watch is refused.
pub async fn exists(
    namespace: &Namespace,
    recording: &Recording,
    apps: usize,
    limit: Duration,
) -> Result<Instant> {
    let kinds = recording.kinds();
    let all = kinds
        .iter()
        .map(|(kind, each)| of_kind(namespace, kind, each * apps, limit));
    let ends = try_join_all(all).await?;
    ends.into_iter().max().context("there is no kind")
}

/// Only metadata is looked at, as often as something is created: looking on must not be what is measured.
async fn of_kind(
    namespace: &Namespace,
    kind: &ApiResource,
    count: usize,
    limit: Duration,
) -> Result<Instant> {
    let api: Api<PartialObjectMeta<DynamicObject>> =
        Api::namespaced_with(namespace.client.clone(), &namespace.name, kind);
    let config = watcher::Config::default().labels(keys::INSTANCE);
    let mut seen = std::collections::HashSet::new();
    let looking = async {
        let events = watcher(api, config);
        pin_mut!(events);
        while let Some(event) = events.next().await {
            if let Event::Apply(object) | Event::InitApply(object) = event? {
                seen.insert(object.name_any());
                if seen.len() == count {
                    break;
                }
            }
        }
        Ok(Instant::now())
    };
    tokio::time::timeout(limit, looking)
        .await
        .with_context(|| format!("there are not {count} {} after {limit:?}", kind.plural))?
}

/// Deletes the applications of `namespace` and all their objects, without the help of the garbage collector.
///
/// # Errors
/// When something can't be deleted.
pub async fn delete(namespace: &Namespace, recording: &Recording) -> Result<()> {
    let mut kinds = vec![ApiResource::erase::<RestAPI>(&())];
    kinds.extend(recording.kinds().into_iter().map(|(kind, _)| kind));
    for kind in kinds {
        let api = api(namespace, &kind);
        // All applications, and of everything else what belongs to one.
        let is_app = kind.kind == RestAPI::kind(&());
        let of_apps = ListParams::default().labels(if is_app { "" } else { keys::INSTANCE });
        let list = api.list_metadata(&of_apps).await?;
        let deletes = list.items.iter().map(|object| {
            let api = api.clone();
            async move {
                let (name, background) = (object.name_any(), DeleteParams::background());
                let deleted = api.delete(&name, &background).await;
                deleted.context("deleting what was measured")
            }
        });
        at_once(deletes, DELETES).await?;
    }
    Ok(())
}

fn api(namespace: &Namespace, kind: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(namespace.client.clone(), &namespace.name, kind)
}
