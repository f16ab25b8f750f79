//! The ConfigMaps and Secrets that pods refer to.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, Patch, PatchParams};
use restapi_types::conditions::STALLED;
use serde_json::{Value, json};
use suites::manager::{Manager, Options};
use suites::namespace::Namespace;
use suites::wait::timed;

use super::support::apps::{IMAGE, create, holds, ready, settled};
use super::support::{SOON, run};

/// How soon a changed ConfigMap reaches the pods' template.
const CONFIG_MAPS: Duration = Duration::from_secs(2);

/// How soon a changed Secret does, without a watch.
const SECRETS: Duration = Duration::from_mins(1);

fn spec() -> Value {
    json!({"image": IMAGE, "model": {}, "view": {"envFrom": [
        {"configMapRef": {"name": "settings"}},
        {"secretRef": {"name": "password", "optional": true}},
    ]}})
}

async fn config_map(ns: &Namespace, value: &str) -> Result<()> {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"A": value}});
    let params = PatchParams::apply("author").force();
    ns.api::<ConfigMap>()
        .patch("settings", &params, &Patch::Apply(object))
        .await?;
    Ok(())
}

async fn secret(ns: &Namespace, value: &str) -> Result<()> {
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}, "stringData": {"B": value}});
    let params = PatchParams::apply("author").force();
    ns.api::<Secret>()
        .patch("password", &params, &Patch::Apply(object))
        .await?;
    Ok(())
}

/// The generation of a component's Deployment: it moves with every change of the template.
async fn generation(ns: &Namespace, component: &str) -> Result<i64> {
    let name = format!("orders-{component}-blue");
    let deployment = ns.api::<Deployment>().get(&name).await?;
    deployment.metadata.generation.context("it has none")
}

/// Waits until the view's template has changed once more, and looks that it changed once and the model's
/// did not.
async fn rolled_once(ns: &Namespace, before: i64, limit: Duration) -> Result<()> {
    let model = generation(ns, "model").await?;
    timed(limit, "the view's pods are replaced", async || {
        let now = generation(ns, "view").await?;
        ensure!(now > before, "{now}");
        Ok(())
    })
    .await?;
    settled(ns).await?;
    ensure!(
        generation(ns, "view").await? == before + 1,
        "more than once"
    );
    ensure!(generation(ns, "model").await? == model, "the model's too");
    Ok(())
}

#[tokio::test]
async fn a_changed_config_map_rolls_the_pods_that_use_it_once_and_soon() -> Result<()> {
    run("config", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        config_map(&ns, "one").await?;
        create(&ns, "orders", &spec()).await?;
        ready(&ns, "orders").await?;
        settled(&ns).await?;
        let before = generation(&ns, "view").await?;
        config_map(&ns, "two").await?;
        rolled_once(&ns, before, CONFIG_MAPS).await?;
        // Other metadata is not content.
        let label = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
        ns.api::<ConfigMap>()
            .patch("settings", &PatchParams::default(), &label)
            .await?;
        settled(&ns).await?;
        ensure!(
            generation(&ns, "view").await? == before + 1,
            "a label rolled the pods"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_config_map_is_named_and_keeps_what_serves() -> Result<()> {
    run("config-missing", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        create(&ns, "orders", &spec()).await?;
        let message = holds(&ns, "orders", (STALLED, "ConfigMissing"), SOON).await?;
        ensure!(
            message.contains("view: ConfigMap settings does not exist"),
            "{message}"
        );
        ensure!(
            generation(&ns, "view").await.is_err(),
            "pods that can't start were asked for"
        );
        config_map(&ns, "one").await?;
        ready(&ns, "orders").await?;
        settled(&ns).await?;
        let before = generation(&ns, "view").await?;
        ns.api::<ConfigMap>()
            .delete("settings", &DeleteParams::default())
            .await?;
        holds(&ns, "orders", (STALLED, "ConfigMissing"), CONFIG_MAPS).await?;
        settled(&ns).await?;
        ensure!(
            generation(&ns, "view").await? == before,
            "what serves was touched"
        );
        config_map(&ns, "one").await?;
        ready(&ns, "orders").await?;
        ensure!(
            generation(&ns, "view").await? == before,
            "the same content rolled the pods"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_changed_secret_rolls_the_pods_within_a_minute() -> Result<()> {
    run("secret", async |ns| {
        let _manager = Manager::start(&ns, "core").await?;
        secret_changes(&ns, SECRETS).await
    })
    .await
}

#[tokio::test]
async fn a_changed_secret_that_may_be_watched_rolls_the_pods_soon() -> Result<()> {
    run("secret-watched", async |ns| {
        let options = Options {
            watch_secrets: true,
            ..Options::default()
        };
        let manager = Manager::spawn(&ns, "core", options).await?;
        manager.ready().await?;
        secret_changes(&ns, CONFIG_MAPS).await
    })
    .await
}

async fn secret_changes(ns: &Namespace, limit: Duration) -> Result<()> {
    config_map(ns, "one").await?;
    secret(ns, "one").await?;
    create(ns, "orders", &spec()).await?;
    let app = ready(ns, "orders").await?;
    settled(ns).await?;
    let before = generation(ns, "view").await?;
    secret(ns, "two-is-the-password").await?;
    rolled_once(ns, before, limit).await?;
    let told = json!(app.status).to_string();
    ensure!(!told.contains("two-is"), "the status tells the secret");
    Ok(())
}
