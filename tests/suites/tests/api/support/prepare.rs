//! Installs the CRD, once, before every other test. On the way there it observes what can be seen only
//! while the CRD is absent or another one, which no test can do beside others.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::discovery::ApiResource;
use kube::{Client, ResourceExt};
use restapi_types::{RestAPI, conditions, crd};
use serde_json::{Value, json};
use suites::env::Env;
use suites::manager::{Manager, Options};
use suites::namespace::{self, LABEL, Namespace};
use suites::wait::{eventually, timed};
use tokio::sync::OnceCell;

use super::{SOON, apps};

/// What was observed.
#[derive(Debug)]
pub struct Prepared {
    /// `/readyz` of a manager before the CRD existed.
    pub readyz_without_crd: (u16, String),
    /// How long it took from the CRD's installation until that manager was ready.
    pub ready_after: Duration,
    /// Why Stalled was True, and its message, on an object that can't be read.
    pub undecodable: (String, String),
    /// How much the manager wrote in 2 s after that.
    pub repeated_writes: f64,
}

/// The observations; the CRD is installed once this returns.
pub async fn prepared() -> Result<&'static Prepared> {
    static PREPARED: OnceCell<Result<Prepared, String>> = OnceCell::const_new();
    let prepare = async || prepare().await.map_err(|error| format!("{error:#}"));
    let result = PREPARED.get_or_init(prepare).await;
    result
        .as_ref()
        .map_err(|error| anyhow::anyhow!("the suite could not be prepared: {error}"))
}

async fn prepare() -> Result<Prepared> {
    let client = Env::read()?.client().await?;
    remove_crd(&client).await?;
    let mut observed = None;
    namespace::with("api-prepare", async |ns| {
        observed = Some(observe(&ns).await?);
        Ok(())
    })
    .await?;
    install(&client, &crd::restapi()).await?;
    eventually(SOON, "the CRD's rules are in force", async || {
        let object = apps::restapi("no-component", &json!({}))?;
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let accepted = Api::<RestAPI>::namespaced(client.clone(), "default")
            .create(&dry_run, &object)
            .await;
        let refusal = accepted
            .err()
            .context("an object without a component is accepted")?;
        ensure!(
            refusal.to_string().contains("spec names no component"),
            "{refusal}"
        );
        Ok(())
    })
    .await?;
    observed.context("nothing was observed")
}

async fn observe(ns: &Namespace) -> Result<Prepared> {
    let manager = Manager::spawn(ns, "core", Options::default()).await?;
    let readyz_without_crd = eventually(SOON, "/readyz names the CRD", async || {
        let answer = manager.get("/readyz").await?;
        ensure!(answer.1.contains("CRD"), "{answer:?}");
        Ok(answer)
    })
    .await?;
    install(&ns.client, &loosened()?).await?;
    let ((), ready_after) = timed(
        SOON,
        "the CRD was installed, core-reconciler is ready",
        async || {
            let (code, text) = manager.get("/readyz").await?;
            ensure!(code == 200, "{code}: {text}");
            Ok(())
        },
    )
    .await?;
    let undecodable = undecodable(ns).await?;
    let before = manager.metrics().await?.writes();
    // Nothing is to happen in this time, so there is no condition to wait for.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let repeated_writes = manager.metrics().await?.writes() - before;
    Ok(Prepared {
        readyz_without_crd,
        ready_after,
        undecodable,
        repeated_writes,
    })
}

/// Creates an object that can't be read as a RestAPI and one that can, waits until the latter is
/// reconciled, and returns why and how the former is stalled. Both are gone afterwards.
async fn undecodable(ns: &Namespace) -> Result<(String, String)> {
    let resource = ApiResource::erase::<RestAPI>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(ns.client.clone(), &ns.name, &resource);
    let spec = json!({"image": apps::IMAGE, "replicas": "three", "view": {}});
    let object = DynamicObject::new("unreadable", &resource).data(json!({"spec": spec}));
    api.create(&PostParams::default(), &object).await?;
    apps::create(ns, "readable", &apps::view()).await?;
    eventually(SOON, "the RestAPI beside it is reconciled", async || {
        Ok(ns.api::<Deployment>().get("readable-view-blue").await?)
    })
    .await?;
    let stalled = eventually(
        SOON,
        "the object that can't be read is Stalled",
        async || {
            let found = api.get("unreadable").await?;
            let conditions = found
                .data
                .pointer("/status/conditions")
                .and_then(Value::as_array);
            let mut stalled = conditions
                .context("it has no condition")?
                .iter()
                .filter(|c| {
                    c.get("type") == Some(&json!(conditions::STALLED))
                        && c.get("status") == Some(&json!("True"))
                });
            let stalled = stalled.next().context("it is not Stalled")?;
            let text = |key| {
                stalled
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            Ok((text("reason"), text("message")))
        },
    )
    .await?;
    // Settled, so that what is written next is written again.
    let api = ns.api::<Deployment>();
    ensure!(
        api.get_opt("unreadable-view-blue").await?.is_none(),
        "it was reconciled all the same"
    );
    apps::quiet(ns, SOON).await?;
    Ok(stalled)
}

/// The CRD as another version may have it: every spec is accepted.
fn loosened() -> Result<CustomResourceDefinition> {
    let mut definition = json!(crd::restapi());
    let spec = definition
        .pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec")
        .context("the CRD has no schema of spec")?;
    *spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    Ok(serde_json::from_value(definition)?)
}

async fn install(client: &Client, definition: &CustomResourceDefinition) -> Result<()> {
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    let params = PatchParams::apply("test-suite").force();
    api.patch(crd::NAME, &params, &Patch::Apply(definition))
        .await?;
    Ok(())
}

/// Removes the CRD that an earlier run left, but not when that removed anybody's applications.
async fn remove_crd(client: &Client) -> Result<()> {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    if definitions.get_opt(crd::NAME).await?.is_none() {
        return Ok(());
    }
    let of_tests: Vec<String> = Api::<KubeNamespace>::all(client.clone())
        .list(&ListParams::default().labels(LABEL))
        .await?
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    for object in
        Api::<DynamicObject>::all_with(client.clone(), &ApiResource::erase::<RestAPI>(&()))
            .list(&ListParams::default())
            .await?
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        ensure!(
            of_tests.contains(&namespace),
            "this suite removes the CRD and all RestAPIs with it, and {namespace}/{name} is not a \
             test's: run the suite on a cluster of its own (`cargo xtask test --suite api`)"
        );
    }
    definitions
        .delete(crd::NAME, &DeleteParams::default())
        .await?;
    eventually(SOON, "the CRD of an earlier run is gone", async || {
        ensure!(definitions.get_opt(crd::NAME).await?.is_none(), "it exists");
        Ok(())
    })
    .await
}
