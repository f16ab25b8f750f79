//! Many applications that are settled, in a namespace that outlives the bench: with `--keep` the next bench
//! finds them.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::{Resource as _, ResourceExt};
use restapi_types::RestAPI;
use serde_json::json;
use suites::env::Env;
use suites::manager::Manager;
use suites::namespace::{LABEL, Namespace};
use suites::watch::until_all;

use crate::Common;
use crate::applications::{self, at_once, is_settled, name};
use crate::running::{self, Requests};

/// The namespace of the applications.
const NAMESPACE: &str = "bench-population";

/// Makes sure that there are `count` applications and no more, all of them ready, and that a manager which
/// was there has stopped.
///
/// # Errors
/// When one is refused, or they aren't all ready in time.
pub async fn settled(count: usize, common: &Common) -> Result<Namespace> {
    let namespace = namespace().await?;
    let manager = running::start(&namespace, common).await?;
    eprintln!("population: {count} applications");
    resize(&namespace, count, common.concurrency.into()).await?;
    until_all(
        namespace.api::<RestAPI>(),
        count,
        common.limit(),
        is_settled,
    )
    .await?;
    Requests::last(&manager, common.limit()).await?;
    running::stop(manager).await?;
    Ok(namespace)
}

/// The same with a manager that was started afterwards and has nothing to do.
///
/// # Errors
/// As [`settled`].
pub async fn managed(count: usize, common: &Common) -> Result<(Namespace, Manager)> {
    let namespace = settled(count, common).await?;
    let manager = running::start(&namespace, common).await?;
    Requests::last(&manager, common.limit()).await?;
    Ok((namespace, manager))
}

async fn namespace() -> Result<Namespace> {
    let env = Env::read()?;
    let client = env.client().await?;
    let api = Api::<KubeNamespace>::all(client.clone());
    if api.get_opt(NAMESPACE).await?.is_none() {
        let body = json!({"metadata": {"name": NAMESPACE, "labels": {LABEL: ""}}});
        let body = serde_json::from_value(body)?;
        let created = api.create(&PostParams::default(), &body).await;
        created.with_context(|| format!("creating the namespace {NAMESPACE}"))?;
    }
    Ok(Namespace {
        name: NAMESPACE.to_owned(),
        client,
        env,
    })
}

async fn resize(namespace: &Namespace, count: usize, concurrency: usize) -> Result<()> {
    let api = namespace.api::<RestAPI>();
    let present = api.list_metadata(&ListParams::default()).await?;
    let present: BTreeSet<String> = present.iter().map(ResourceExt::name_any).collect();
    let wanted: BTreeSet<String> = (0..count).map(name).collect();
    let surplus = present.difference(&wanted).map(|name| {
        let api = api.clone();
        async move {
            let deleted = api.delete(name, &DeleteParams::background()).await;
            deleted.with_context(|| format!("deleting {} {name}", RestAPI::kind(&())))
        }
    });
    at_once(surplus, concurrency).await?;
    // They are made in order, so that those that lack are the last ones.
    let first = (0..count)
        .find(|number| !present.contains(&name(*number)))
        .unwrap_or(count);
    applications::create(namespace, first..count, concurrency).await?;
    Ok(())
}
