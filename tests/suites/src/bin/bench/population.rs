//! Many applications that are settled, in namespaces that outlive the bench: with `--keep` the next bench finds
//! them.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::{Resource as _, ResourceExt};
use restapi_types::RestAPI;
use serde_json::json;
use suites::env::Env;
use suites::manager::Manager;
use suites::namespace::{LABEL, Namespace};
use suites::watch::{until_all, until_none};

use crate::Common;
use crate::applications::{self, at_once, is_settled, name};
use crate::running::{self, Requests};

/// The first namespace of the applications.
const NAMESPACE: &str = "bench-population";

/// How many applications a namespace has where there are thousands. For each Service Kubernetes looks through all
/// pods of its namespace, and for each change of a pod through all Services: a namespace of a thousand applications
/// takes the controller manager most of ten minutes, one of five thousand hours.
const FEW: usize = 100;

/// Makes sure that there are `count` applications and no more, all of them ready, and that a manager which
/// was there has stopped.
///
/// # Errors
/// When one is refused, or they aren't all ready in time.
pub async fn settled(count: usize, common: &Common) -> Result<Namespace> {
    spread(count, count, common).await
}

/// The same with `size` applications in each namespace. Returns the first namespace.
async fn spread(count: usize, size: usize, common: &Common) -> Result<Namespace> {
    let env = Env::read()?;
    let first = Namespace {
        name: NAMESPACE.to_owned(),
        client: env.client().await?,
        env,
    };
    ensure(&first).await?;
    let manager = running::start(&first, common).await?;
    eprintln!("population: {count} applications");
    let mut parts = Vec::new();
    for (name, size) in parts_of(count, size) {
        let namespace = Namespace {
            name,
            ..first.clone()
        };
        ensure(&namespace).await?;
        resize(&namespace, size, common.concurrency.into()).await?;
        parts.push((namespace, size));
    }
    remove_beyond(parts.len(), &first, common.limit()).await?;
    for (namespace, size) in parts {
        let restapis = namespace.api::<RestAPI>();
        until_all(restapis, size, common.limit(), is_settled).await?;
    }
    Requests::last(&manager, common.limit()).await?;
    running::stop(manager).await?;
    Ok(first)
}

/// How many applications each namespace has, of `count`, with `size` in each but the last.
fn parts_of(count: usize, size: usize) -> Vec<(String, usize)> {
    let firsts = (0..count).step_by(size.max(1)).enumerate();
    firsts
        .map(|(number, first)| (namespace_name(number), size.min(count - first)))
        .collect()
}

fn namespace_name(number: usize) -> String {
    match number {
        0 => NAMESPACE.to_owned(),
        _ => format!("{NAMESPACE}-{number}"),
    }
}

/// Deletes the namespaces that a larger population had.
async fn remove_beyond(count: usize, first: &Namespace, limit: Duration) -> Result<()> {
    let api = Api::<KubeNamespace>::all(first.client.clone());
    for number in count.max(1).. {
        let name = namespace_name(number);
        if api.get_opt(&name).await?.is_none() {
            break;
        }
        api.delete(&name, &DeleteParams::background()).await?;
        until_none(api.clone(), &name, limit).await?;
    }
    Ok(())
}

/// The same with a manager that was started afterwards and has nothing to do.
///
/// # Errors
/// As [`settled`].
pub async fn managed(count: usize, common: &Common) -> Result<(Namespace, Manager)> {
    let namespace = settled(count, common).await?;
    let manager = idle(&namespace, common).await?;
    Ok((namespace, manager))
}

/// Such a manager alone, with [`FEW`] applications in each namespace.
///
/// # Errors
/// As [`settled`].
pub async fn managed_in_many(count: usize, common: &Common) -> Result<Manager> {
    let first = spread(count, FEW, common).await?;
    idle(&first, common).await
}

/// A manager that has nothing to do.
async fn idle(namespace: &Namespace, common: &Common) -> Result<Manager> {
    let manager = running::start(namespace, common).await?;
    Requests::last(&manager, common.limit()).await?;
    Ok(manager)
}

/// Creates the namespace unless it is there.
async fn ensure(namespace: &Namespace) -> Result<()> {
    let name = &namespace.name;
    let api = Api::<KubeNamespace>::all(namespace.client.clone());
    if api.get_opt(name).await?.is_none() {
        let body = json!({"metadata": {"name": name, "labels": {LABEL: ""}}});
        let body = serde_json::from_value(body)?;
        let created = api.create(&PostParams::default(), &body).await;
        created.with_context(|| format!("creating the namespace {name}"))?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_namespace_has_the_rest() {
        assert_eq!(parts_of(100, 100), [("bench-population".to_owned(), 100)]);
        let sizes = parts_of(250, 100).into_iter().map(|(_, size)| size);
        assert_eq!(sizes.collect::<Vec<_>>(), [100, 100, 50]);
    }
}
