//! Creating in one request: an apply that names a resource version which no object has. What the API server
//! makes of it is what the rule "an object is created only where none is" rests on.

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::Resource;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::discovery::ApiResource;
use restapi_types::RestAPI;
use serde_json::{Value, json};
use suites::namespace::Namespace;

use super::support::run;

/// How many want to create the same object at the same time.
const RIVALS: usize = 32;

fn api<K>(ns: &Namespace) -> Api<DynamicObject>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced_with(ns.client.clone(), &ns.name, &ApiResource::erase::<K>(&()))
}

/// An object called `one`.
fn body<K: Resource<DynamicType = ()>>(more: &Value) -> Value {
    let mut body = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": {"name": "one"},
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    body
}

fn creating(mut body: Value) -> Value {
    body["metadata"]["resourceVersion"] = json!("1");
    body
}

/// Where there is no object one is made, as if it were applied in any other way; where there is one, nothing
/// happens to it.
async fn only_where_none_is<K>(ns: &Namespace, content: Value, other: Value) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let (api, kind) = (api::<K>(ns), K::kind(&()));
    let params = PatchParams::apply("creator");
    let apply = async |body: Value| {
        api.patch("one", &params, &Patch::Apply(creating(body)))
            .await
    };
    let made = apply(body::<K>(&content)).await;
    let made = made.with_context(|| format!("creating {kind}"))?;
    let operations: Vec<_> = made.metadata.managed_fields.iter().flatten().collect();
    let applied = |m: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
        m.manager.as_deref() == Some("creator") && m.operation.as_deref() == Some("Apply")
    };
    ensure!(operations.iter().any(applied), "{kind}: {operations:?}");
    for again in [content, other] {
        let refused = apply(body::<K>(&again)).await;
        match refused {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            other => anyhow::bail!("{kind} exists, but: {other:?}"),
        }
    }
    let now = api.get("one").await?;
    // Its controller may have written annotations and a status meanwhile.
    for part in ["spec", "data"] {
        let (is, was) = (now.data.get(part), made.data.get(part));
        ensure!(is == was, "{kind} was changed: {is:?}, not {was:?}");
    }
    ensure!(now.metadata.uid == made.metadata.uid, "{kind} was replaced");
    Ok(())
}

#[tokio::test]
async fn an_object_is_created_only_where_none_is() -> Result<()> {
    run("creates", async |ns| {
        let data = |v: &str| json!({"data": {"key": v}});
        only_where_none_is::<ConfigMap>(&ns, data("a"), data("b")).await?;
        let port = |port: u16| json!({"spec": {"selector": {"a": "b"}, "ports": [{"port": port}]}});
        only_where_none_is::<Service>(&ns, port(80), port(81)).await?;
        let deployment = |image: &str| {
            json!({"spec": {
                "replicas": 0, "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}},
                             "spec": {"containers": [{"name": "c", "image": image}]}},
            }})
        };
        only_where_none_is::<Deployment>(&ns, deployment("a"), deployment("b")).await?;
        let spec = |image: &str| json!({"spec": {"image": image, "view": {}}});
        only_where_none_is::<RestAPI>(&ns, spec("a"), spec("b")).await
    })
    .await
}

#[tokio::test]
async fn an_object_of_somebody_elses_is_left_alone() -> Result<()> {
    run("creates-foreign", async |ns| {
        let foreign = serde_json::from_value(body::<ConfigMap>(&json!({"data": {"theirs": "1"}})))?;
        let api = ns.api::<ConfigMap>();
        let theirs = api.create(&PostParams::default(), &foreign).await?;
        for force in [false, true] {
            let mut params = PatchParams::apply("creator");
            params.force = force;
            let ours = creating(body::<ConfigMap>(&json!({"data": {"ours": "1"}})));
            let refused = api.patch("one", &params, &Patch::Apply(ours)).await;
            ensure!(
                matches!(&refused, Err(kube::Error::Api(status)) if status.code == 409),
                "{refused:?}"
            );
        }
        ensure!(api.get("one").await? == theirs);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn of_many_creators_exactly_one_succeeds() -> Result<()> {
    run("creates-rivals", async |ns| {
        let api = ns.api::<ConfigMap>();
        let rivals = (0..RIVALS).map(|number| {
            let api = api.clone();
            let ours = json!({"data": {format!("of-{number}"): "1"}});
            async move {
                let manager = format!("creator-{number}");
                let patch = Patch::Apply(creating(body::<ConfigMap>(&ours)));
                api.patch("one", &PatchParams::apply(&manager), &patch).await
            }
        });
        let results = join_all(rivals).await;
        let made: Vec<_> = results.iter().filter_map(|r| r.as_ref().ok()).collect();
        ensure!(made.len() == 1, "{} succeeded", made.len());
        let conflict =
            |r: &&Result<ConfigMap, kube::Error>| matches!(r, Err(kube::Error::Api(s)) if s.code == 409);
        ensure!(results.iter().filter(conflict).count() == RIVALS - 1);
        let now = api.get("one").await?;
        ensure!(now.data.as_ref().map(std::collections::BTreeMap::len) == Some(1), "{now:?}");
        Ok(())
    })
    .await
}
