//! A cluster in which the control plane is played: pods start as long as they are let, slices follow Services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use manager_kit::writer::Write;
use restapi_resources::{Application, PortsInUse, RenderVersion, render};
use restapi_types::{Environment, RestAPIStatus, keys};
use serde_json::{Value, json};
use workloads::apply::Outcome;
use workloads::fixtures::{carry_out_one, put, restapi, summary};
use workloads::kinds::Role;
use workloads::plan::compare::Compare;
use workloads::plan::desired::{Desired, Stage, of_component};
use workloads::plan::planner::Planner;
use workloads::plan::{Plan, history};
use workloads::world::{World, selected};

use super::super::gates::Tried;
use super::super::{Thought, think};
use crate::verdict;

pub(super) struct Cluster {
    pub(super) world: World,
    pub(super) now: Timestamp,
    /// The images whose pods never become ready.
    pub(super) broken: Vec<&'static str>,
    /// What tries of gates have shown.
    pub(super) tried: Vec<Tried>,
    /// Every write so far, in words.
    pub(super) written: Vec<String>,
}

/// A spec of two components with that image.
pub(super) fn spec(image: &str) -> Value {
    json!({"image": image, "view": {}, "model": {}, "replicas": 2, "blueGreen": {"stableSeconds": 3}})
}

impl Cluster {
    /// A cluster in which nothing is yet.
    pub(super) fn empty(spec: &Value) -> Self {
        Self {
            world: World::empty(Arc::new(restapi(spec))),
            now: Timestamp::from_second(1_000_000).unwrap(),
            broken: Vec::new(),
            tried: Vec::new(),
            written: Vec::new(),
        }
    }

    /// One in which the application serves.
    pub(super) fn born(spec: &Value) -> Self {
        let mut cluster = Self::empty(spec);
        cluster.settle();
        cluster
    }

    /// One in which core-reconciler made the application.
    pub(super) fn of_core(spec: &Value) -> Self {
        let mut cluster = Self::empty(spec);
        let app = cluster.world.app.clone().unwrap();
        let mut plan = Plan::default();
        let rendered = render(
            &app,
            Environment::Blue,
            keys::CORE_RECONCILER,
            RenderVersion::default(),
            &PortsInUse::default(),
        );
        let mut desired: Vec<_> = rendered
            .components
            .into_iter()
            .flat_map(|component| of_component(&app, component, false).unwrap())
            .collect();
        let (_, record) = history::record(&app, &[]);
        desired.push(Desired::new(&record, Stage::Workloads, Role::Workloads).unwrap());
        let world = cluster.world.clone();
        let planner = Planner {
            world: &world,
            compare: Compare {
                app: &app,
                environment: Environment::Blue,
                attempt: None,
            },
        };
        planner.steps(&app, desired, &mut plan).unwrap();
        cluster.carry_out(&plan, usize::MAX);
        cluster.play();
        cluster
    }

    /// The same with another spec, as a new generation.
    pub(super) fn change(&mut self, spec: &Value) {
        let mut changed = restapi(spec);
        changed.metadata.generation = Some(self.world.restapi.metadata.generation.unwrap() + 1);
        changed.metadata.annotations = self.world.restapi.metadata.annotations.clone();
        self.world.app = Application::resolve(&changed);
        self.world.restapi = Arc::new(changed);
    }

    pub(super) fn annotate(&mut self, key: &str, value: &str) {
        let mut changed = (*self.world.restapi).clone();
        let annotations = changed.metadata.annotations.get_or_insert_default();
        annotations.insert(key.to_owned(), value.to_owned());
        self.world.restapi = Arc::new(changed);
    }

    pub(super) fn command(&mut self, command: &str) {
        self.annotate(keys::COMMAND, command);
    }

    pub(super) fn tamper(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut body = json!(self.world.objects.get(kind, name).unwrap().as_ref());
        change(&mut body);
        put(&mut self.world, body);
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        let wait = SignedDuration::try_from(Duration::from_secs(seconds)).unwrap();
        self.now = self.now.checked_add(wait).unwrap();
    }

    /// What the manager thinks.
    pub(super) fn thought<T>(&self, read: impl FnOnce(&Thought<'_>) -> T) -> T {
        let app = self.world.app.clone().unwrap();
        let app = &history::recorded(app, &self.world.objects);
        let spec = app.spec.blue_green().unwrap();
        read(&think(app, spec, &self.world, &self.tried, self.now).unwrap())
    }

    pub(super) fn plan(&self) -> Plan {
        self.thought(|thought| thought.plan.clone())
    }

    pub(super) fn status(&self) -> RestAPIStatus {
        self.thought(|thought| verdict::status(thought, &Outcome::default(), self.now))
    }

    /// The message of a condition that is True.
    pub(super) fn told(&self, type_: &str) -> Option<String> {
        let conditions = self.status().conditions.unwrap();
        let found = conditions.into_iter().find(|c| c.type_ == type_)?;
        (found.status == "True").then_some(found.message)
    }

    /// Carries one plan out; returns whether there was anything to write.
    pub(super) fn step(&mut self) -> bool {
        let plan = self.plan();
        self.carry_out(&plan, usize::MAX);
        self.play();
        !plan.waves.is_empty()
    }

    /// Carries plans out until nothing is to be written.
    pub(super) fn settle(&mut self) {
        for _ in 0..40 {
            if !self.step() {
                return;
            }
        }
        panic!("it does not settle: {:?}", summary(&self.plan()));
    }

    /// Settles and lets time pass, second by second.
    pub(super) fn settle_for(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.settle();
            self.pass(1);
        }
        self.settle();
    }

    /// Carries the first writes of a plan out.
    pub(super) fn carry_out(&mut self, plan: &Plan, count: usize) {
        self.written.extend(summary(plan).into_iter().take(count));
        for step in plan.waves.iter().flatten().take(count) {
            if let Write::Apply(draft, ..) = &step.write
                && draft.resource.kind == "Deployment"
            {
                // What nobody applies any more goes.
                let key = keys::ATTEMPT.replace('/', "~1");
                if draft
                    .body
                    .pointer(&format!("/metadata/annotations/{key}"))
                    .is_none()
                {
                    let name = draft.name.clone();
                    self.tamper("Deployment", &name, |d| {
                        if let Some(all) = d["metadata"]["annotations"].as_object_mut() {
                            all.remove(keys::ATTEMPT);
                        }
                    });
                }
            }
            carry_out_one(&mut self.world, &step.write);
            self.check(&step.write);
        }
    }

    /// What must never be: a Service that selects an environment in which its component is not.
    fn check(&self, after: &Write) {
        for service in self.world.objects.of("Service") {
            let target = after.target();
            let is_concerned = matches!(after, Write::Delete(..))
                || (target.kind == "Service" && target.name == service.name_any());
            if service.labels().contains_key(keys::ENVIRONMENT)
                || !is_concerned
                || selected(service).is_none()
            {
                continue;
            }
            let component = service.labels().get(keys::COMPONENT);
            let selects = selected(service);
            let is_there = self.world.objects.of("Deployment").any(|d| {
                d.labels().get(keys::COMPONENT) == component
                    && d.labels().get(keys::ENVIRONMENT).map(String::as_str)
                        == selects.map(Environment::as_str)
            });
            let name = service.name_any();
            assert!(is_there, "{name} selects {selects:?} after {after:?}");
        }
    }

    /// The control plane: pods of Deployments, their counts, slices of Services.
    pub(super) fn play(&mut self) {
        let deployments: Vec<_> = self.world.objects.of("Deployment").cloned().collect();
        let mut pods = Vec::new();
        for deployment in deployments {
            let mut body = json!(deployment.as_ref());
            let wanted = body["spec"]["replicas"].as_i64().unwrap_or(1);
            let template = body["spec"]["template"].clone();
            let image = template["spec"]["containers"][0]["image"].as_str().unwrap();
            let is_well = !self.broken.contains(&image);
            let ready = if is_well { wanted } else { 0 };
            let generation = body["metadata"]["generation"].as_i64().unwrap_or(1);
            body["metadata"]["generation"] = json!(generation);
            let created = &mut body["metadata"]["creationTimestamp"];
            if created.is_null() {
                *created = json!(self.now.to_string());
            }
            let before = body["status"].clone();
            let since = if before["template"] == template && before["readyReplicas"] == json!(ready)
            {
                before["conditions"].clone()
            } else {
                json!([{"type": "Progressing", "status": "True", "lastUpdateTime": self.now.to_string(),
                    "reason": if is_well { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" }}])
            };
            body["status"] = json!({
                "observedGeneration": generation, "replicas": wanted, "updatedReplicas": wanted,
                "readyReplicas": ready, "availableReplicas": ready, "conditions": since,
                "template": template,
            });
            for number in 0..wanted {
                let mut pod = json!({"metadata": {
                    "name": format!("{}-{number}", deployment.name_any()),
                    "labels": template["metadata"]["labels"],
                }, "spec": template["spec"]});
                pod["status"] = json!({"phase": if is_well { "Running" } else { "Pending" }});
                if !is_well {
                    pod["status"]["containerStatuses"] = json!([{
                        "name": template["spec"]["containers"][0]["name"], "image": image, "imageID": "",
                        "ready": false, "restartCount": 0,
                        "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}},
                    }]);
                }
                pods.push(Arc::new(serde_json::from_value::<Pod>(pod).unwrap()));
            }
            put(&mut self.world, body);
        }
        self.world.pods = pods;
        self.slices();
    }

    fn slices(&mut self) {
        let services: Vec<_> = self.world.objects.of("Service").cloned().collect();
        for service in services {
            let selector: BTreeMap<String, String> =
                serde_json::from_value(service.data["spec"]["selector"].clone()).unwrap();
            let is_behind = |pod: &&Arc<Pod>| {
                selector
                    .iter()
                    .all(|(key, value)| pod.labels().get(key) == Some(value))
            };
            let behind = self.world.pods.iter().filter(is_behind);
            let endpoints: Vec<_> = behind
                .map(|pod| json!({"targetRef": {"kind": "Pod", "name": pod.name_any()}}))
                .collect();
            let mut labels = service.labels().clone();
            labels.insert("kubernetes.io/service-name".to_owned(), service.name_any());
            put(
                &mut self.world,
                json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                    "metadata": {"name": service.name_any(), "labels": labels}, "endpoints": endpoints}),
            );
        }
    }

    /// The environments that the stable Services select, the edge last.
    pub(super) fn selects(&self) -> Vec<Option<Environment>> {
        ["orders-model", "orders-view"]
            .map(|name| selected(self.world.objects.get("Service", name).unwrap()))
            .to_vec()
    }

    /// The image of a Deployment, if it is there.
    pub(super) fn image(&self, name: &str) -> Option<String> {
        let deployment = self.world.objects.get("Deployment", name)?;
        let image = deployment
            .data
            .pointer("/spec/template/spec/containers/0/image")?;
        image.as_str().map(str::to_owned)
    }

    pub(super) fn replicas(&self, name: &str) -> i64 {
        let deployment = self.world.objects.get("Deployment", name).unwrap();
        deployment.data["spec"]["replicas"].as_i64().unwrap()
    }
}
