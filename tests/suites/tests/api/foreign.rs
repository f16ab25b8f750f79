//! Objects of others that have a name which an application needs.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Service, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use restapi_types::conditions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use suites::manager::Manager;
use suites::wait::timed;

use super::support::apps::{create, get, holds, settled, view};
use super::support::{SOON, run};

/// How long it may take until the removal of a foreign object is noticed: it is not watched, but looked
/// for every 10 s.
const NOTICED: Duration = Duration::from_secs(25);

/// With the foreign object `body` in place, the application says that it is in its way and leaves it as it
/// is; once it is removed, the application has an object of its own there.
async fn stands_in_the_way<K>(test: &str, body: Value) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    run(test, async |ns| {
        let api = ns.api::<K>();
        let created = api
            .create(&PostParams::default(), &serde_json::from_value(body)?)
            .await?;
        let (id, name) = (
            format!("{} {}", K::kind(&()), created.name_any()),
            created.name_any(),
        );
        let _manager = Manager::start(&ns, "core").await?;
        let before = settled(&ns).await?;
        create(&ns, "orders", &view()).await?;
        let message = holds(&ns, "orders", (conditions::STALLED, "NameTaken"), SOON).await?;
        ensure!(
            message.contains(&id) && message.contains("delete or rename it"),
            "{message}"
        );
        let key = format!("{}/{name}", K::kind(&()));
        let after = settled(&ns).await?;
        ensure!(
            after.get(&key) == before.get(&key),
            "it was changed: {:?}",
            after.get(&key)
        );

        api.delete(&name, &DeleteParams::background()).await?;
        let app = get(&ns, "orders").await?;
        timed(
            NOTICED,
            &format!("the foreign {id} was removed, the application has its own"),
            async || {
                let own = api.get(&name).await?;
                ensure!(
                    own.owner_references()
                        .iter()
                        .any(|o| Some(&o.uid) == app.uid().as_ref()),
                    "not owned"
                );
                let stalled = get(&ns, "orders").await?;
                let stalled = super::support::apps::condition(&stalled, conditions::STALLED)?;
                ensure!(stalled.status == "False", "{stalled:?}");
                Ok(())
            },
        )
        .await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_foreign_service() -> Result<()> {
    let body = json!({"metadata": {"name": "orders-view"}, "spec": {"ports": [{"port": 80}]}});
    stands_in_the_way::<Service>("service", body).await
}

#[tokio::test]
async fn a_foreign_service_that_has_the_operators_labels() -> Result<()> {
    let labels = json!({
        "app.kubernetes.io/instance": "orders",
        "app.kubernetes.io/managed-by": "restapi-operator",
    });
    let metadata = json!({"name": "orders-view-blue", "labels": labels});
    let body = json!({"metadata": metadata, "spec": {"ports": [{"port": 80}]}});
    stands_in_the_way::<Service>("disguised", body).await
}

#[tokio::test]
async fn a_foreign_deployment() -> Result<()> {
    let labels = json!({"app": "legacy"});
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "legacy", "image": "example.invalid/legacy:1"}]},
    });
    let spec = json!({"replicas": 0, "selector": {"matchLabels": labels}, "template": template});
    let body = json!({"metadata": {"name": "orders-view-blue"}, "spec": spec});
    stands_in_the_way::<Deployment>("deployment", body).await
}

#[tokio::test]
async fn a_foreign_service_account() -> Result<()> {
    stands_in_the_way::<ServiceAccount>("account", json!({"metadata": {"name": "orders"}})).await
}
