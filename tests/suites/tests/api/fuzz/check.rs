//! What becomes of one spec: admission, rendering, and a dry run of each object.

use anyhow::{Context, Result, bail, ensure};
use http::{Method, Request};
use k8s_openapi::api::core::v1::{
    Namespace as KubeNamespace, PersistentVolumeClaim, PodTemplateSpec, ServiceAccount,
};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use restapi_resources::companions::companions;
use restapi_resources::controller_revision::controller_revision;
use restapi_resources::ports::LivePorts;
use restapi_resources::security::opt_outs;
use restapi_resources::surroundings::Surroundings;
use restapi_resources::{Application, Invalid, PortsInUse, RenderVersion, render};
use restapi_types::{Environment, RestAPI};
use serde::Serialize;
use serde_json::{Value, json};
use suites::namespace::Namespace;

use super::pools::{ADDITIONAL, PRIORITY};

/// The application that every spec is of.
const APP: &str = "orders";

/// What became of a spec that did not show a mistake of ours.
pub enum Outcome {
    /// Admission refused it.
    Refused,
    /// It can't be rendered, and the path of a field says why.
    Invalid,
    /// Every object was accepted.
    Rendered {
        /// How many.
        objects: usize,
        /// Whether its pods leave the restricted standard.
        opted_out: bool,
    },
}

/// Where specs are tried: a namespace that enforces the restricted standard and one that doesn't.
pub struct World {
    client: Client,
    restricted: String,
    free: String,
}

/// An object and where it is sent.
struct Sent {
    path: String,
    object: Value,
}

impl World {
    /// Prepares what pods need before even a dry run accepts them.
    pub async fn prepare(ns: &Namespace) -> Result<Self> {
        let world = Self {
            client: ns.client.clone(),
            restricted: ns.name.clone(),
            free: format!("{}-free", ns.name),
        };
        let namespaces = Api::<KubeNamespace>::all(world.client.clone());
        let enforce =
            json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        namespaces
            .patch(
                &world.restricted,
                &PatchParams::default(),
                &Patch::Merge(enforce),
            )
            .await?;
        let labels = json!({suites::namespace::LABEL: "", "pod-security.kubernetes.io/enforce": "privileged"});
        let free =
            serde_json::from_value(json!({"metadata": {"name": world.free, "labels": labels}}))?;
        namespaces.create(&PostParams::default(), &free).await?;
        let class = serde_json::from_value(json!({"metadata": {"name": PRIORITY}, "value": 1}))?;
        let classes = Api::<PriorityClass>::all(world.client.clone());
        classes
            .patch(
                PRIORITY,
                &PatchParams::apply("fuzz"),
                &Patch::Apply::<PriorityClass>(class),
            )
            .await?;
        for name in ["model", "view", "controller", "repository"]
            .iter()
            .chain(&ADDITIONAL)
        {
            world.account(&format!("{APP}.{name}")).await?;
        }
        world.account(APP).await?;
        Ok(world)
    }

    /// An account that pods may run as, in both namespaces.
    async fn account(&self, name: &str) -> Result<()> {
        for namespace in [&self.restricted, &self.free] {
            let account = serde_json::from_value(json!({"metadata": {"name": name}}))?;
            let api = Api::<ServiceAccount>::namespaced(self.client.clone(), namespace);
            api.create(&PostParams::default(), &account).await?;
        }
        Ok(())
    }

    /// Removes what does not go with the test's namespace.
    pub async fn remove(&self) -> Result<()> {
        let params = DeleteParams::background();
        Api::<KubeNamespace>::all(self.client.clone())
            .delete(&self.free, &params)
            .await?;
        Api::<PriorityClass>::all(self.client.clone())
            .delete(PRIORITY, &params)
            .await?;
        Ok(())
    }

    /// Tries a spec.
    ///
    /// # Errors
    /// When admission accepts what becomes an object that the API server refuses, with its message.
    pub async fn check(&self, spec: &Value) -> Result<Outcome> {
        let object = json!({"apiVersion": "restapi.dev/v1alpha1", "kind": "RestAPI", "metadata": {"name": APP}, "spec": spec});
        let path = format!(
            "/apis/restapi.dev/v1alpha1/namespaces/{}/restapis",
            self.restricted
        );
        let Ok(created) = self.send(Method::POST, &path, &object).await? else {
            return Ok(Outcome::Refused);
        };
        let restapi: RestAPI =
            serde_json::from_value(created).context("reading what admission accepted")?;
        match rendered(&restapi) {
            Ok((objects, opted_out)) => {
                let namespace = if opted_out {
                    &self.free
                } else {
                    &self.restricted
                };
                for sent in &objects {
                    self.apply(sent, namespace).await?;
                }
                Ok(Outcome::Rendered {
                    objects: objects.len(),
                    opted_out,
                })
            }
            Err(invalid) => {
                ensure!(
                    invalid.field.starts_with("spec.") || invalid.field.starts_with("metadata."),
                    "a refusal names no field: {invalid}"
                );
                Ok(Outcome::Invalid)
            }
        }
    }

    /// Applies an object by a dry run; pods are created by one.
    async fn apply(&self, sent: &Sent, namespace: &str) -> Result<()> {
        let mut object = sent.object.clone();
        object["metadata"]["namespace"] = json!(namespace);
        let path = sent.path.replace("NAMESPACE", namespace);
        let is_pod = object["kind"] == "Pod";
        let method = if is_pod { Method::POST } else { Method::PATCH };
        if let Err(message) = self.send(method, &path, &object).await? {
            bail!("{}: {message}", sent.path);
        }
        Ok(())
    }

    /// Sends a dry run, and returns the answer or the refusal.
    async fn send(
        &self,
        method: Method,
        path: &str,
        object: &Value,
    ) -> Result<Result<Value, String>> {
        let is_apply = method == Method::PATCH;
        let (kind, manager) = if is_apply {
            (
                "application/apply-patch+yaml",
                "&fieldManager=fuzz&force=true",
            )
        } else {
            ("application/json", "")
        };
        let uri = format!("{path}?dryRun=All&fieldValidation=Strict{manager}");
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", kind);
        match self
            .client
            .request::<Value>(request.body(object.to_string().into_bytes())?)
            .await
        {
            Ok(answer) => Ok(Ok(answer)),
            Err(kube::Error::Api(status))
                if (400..500).contains(&status.code) && status.code != 429 =>
            {
                Ok(Err(status.message.clone()))
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// An object of a kind that is in every cluster.
fn sent<K>(object: &K) -> Sent
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let mut value = json!(object);
    value["apiVersion"] = json!(K::api_version(&()));
    value["kind"] = json!(K::kind(&()));
    let name = object.meta().name.clone().unwrap_or_default();
    let path = format!("{}/{name}", K::url_path(&(), Some("NAMESPACE")));
    Sent {
        path,
        object: value,
    }
}

/// The pod that a template makes, with a volume in place of each claim that a StatefulSet would bind.
fn pod(template: &PodTemplateSpec, claims: &[PersistentVolumeClaim]) -> Sent {
    let mut pod = json!(template);
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("fuzz");
    for claim in claims {
        let name = claim.metadata.name.clone().unwrap_or_default();
        let volume = json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
        match pod["spec"]["volumes"].as_array_mut() {
            Some(volumes) => volumes.push(volume),
            None => pod["spec"]["volumes"] = json!([volume]),
        }
    }
    Sent {
        path: "/api/v1/namespaces/NAMESPACE/pods".to_owned(),
        object: pod,
    }
}

/// Everything that an application becomes, and whether its pods leave the restricted standard.
fn rendered(restapi: &RestAPI) -> Result<(Vec<Sent>, bool), Invalid> {
    let app = Application::resolve(restapi)?;
    let (blue, version) = (Environment::Blue, RenderVersion::V1);
    let surroundings = Surroundings {
        managers_namespace: "restapi-system".to_owned(),
        monitoring_namespace: Some("monitoring".to_owned()),
        otlp: None,
    };
    let beside = companions(&app, &[blue], &surroundings, &LivePorts::default())?;
    let objects = render(
        &app,
        blue,
        "core-reconciler",
        version,
        &PortsInUse::default(),
    );
    let mut all = vec![sent(&controller_revision(&app, 1))];
    all.extend(beside.service_accounts.iter().map(sent));
    all.extend(beside.disruption_budgets.iter().map(sent));
    all.extend(beside.network_policies.iter().map(sent));
    all.extend(beside.ingress.iter().map(sent));
    all.extend(beside.resource_quota.iter().map(sent));
    let mut opted_out = false;
    for (component, objects) in app.components.iter().zip(&objects.components) {
        let (deployment, set) = (
            objects.workload.deployment(),
            objects.workload.stateful_set(),
        );
        all.extend(deployment.map(sent));
        all.extend(set.map(sent));
        all.extend(objects.coloured.iter().chain(&objects.stable).map(sent));
        all.extend(objects.config_map.iter().map(sent));
        all.extend(objects.claim.iter().map(sent));
        let claims = set.and_then(|set| set.spec.as_ref()?.volume_claim_templates.clone());
        if let Some(template) = objects.workload.template() {
            opted_out |= !opt_outs(component, template).is_empty();
            all.push(pod(template, &claims.unwrap_or_default()));
        }
    }
    Ok((all, opted_out))
}
