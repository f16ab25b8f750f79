//! Everything that a plan is made from, in one value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use manager_kit::tracker::Target;
use manager_kit::watch::InvalidObject;
use restapi_resources::{Application, Component, Invalid};
use restapi_types::{AttemptMark, ComponentName, Environment, RestAPI, RestAPISpec, keys, names};
use serde::de::DeserializeOwned;

use crate::adoption::Adoption;
use crate::config::Config;
use crate::kinds::is_workload;
use crate::pods;

/// The owned objects of one application, by kind and name, whoever owns them.
#[derive(Clone, Debug, Default)]
pub struct Objects(BTreeMap<(String, String), Arc<DynamicObject>>);

impl Objects {
    /// The object of that kind and name.
    #[must_use]
    pub fn get(&self, kind: &str, name: &str) -> Option<&Arc<DynamicObject>> {
        self.0.get(&(kind.to_owned(), name.to_owned()))
    }

    /// The objects of one kind, by name.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Arc<DynamicObject>> + 'a {
        self.0
            .range((kind.to_owned(), String::new())..)
            .take_while(move |((k, _), _)| k == kind)
            .map(|(_, object)| object)
    }

    /// Every object, with its kind.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<DynamicObject>)> {
        self.0
            .iter()
            .map(|((kind, _), object)| (kind.as_str(), object))
    }

    /// Puts an object in, or replaces it.
    pub fn put(&mut self, kind: &str, object: Arc<DynamicObject>) {
        self.0.insert((kind.to_owned(), object.name_any()), object);
    }

    /// The environment that the application's stable Services select; blue, where it is born.
    #[must_use]
    pub fn active_environment(&self) -> Environment {
        self.of("Service")
            .filter(|service| !service.labels().contains_key(keys::ENVIRONMENT))
            .find_map(|service| selected(service))
            .unwrap_or_default()
    }

    /// Takes an object out.
    pub fn take(&mut self, target: &Target) {
        self.0.remove(&(target.kind.clone(), target.name.clone()));
    }
}

/// An object as a type of Kubernetes; nothing when it is none.
#[must_use]
pub fn typed<K: DeserializeOwned>(object: &DynamicObject) -> Option<K> {
    serde_json::from_value(serde_json::to_value(object).ok()?).ok()
}

/// Everything that a plan is made from.
#[derive(Clone, Debug)]
pub struct World {
    /// The object.
    pub restapi: Arc<RestAPI>,
    /// The application that it describes, with the hashes of what its pods refer to.
    pub app: Result<Application, Invalid>,
    /// What it owns.
    pub objects: Objects,
    /// Its pods, those that failed for ever among them.
    pub pods: Vec<Arc<Pod>>,
    /// The ConfigMaps and Secrets that its pods refer to.
    pub config: Config,
    /// The workloads, of any application of the namespace, whose replicas an autoscaler decides.
    pub autoscaled: BTreeSet<Target>,
    /// The optional kinds that the cluster has.
    pub served: BTreeSet<String>,
    /// What others have, while a Service of theirs is being taken over.
    pub adoption: Option<Arc<Adoption>>,
}

impl World {
    /// The world of an application that owns nothing.
    #[must_use]
    pub fn empty(restapi: Arc<RestAPI>) -> Self {
        Self {
            app: Application::resolve(&restapi),
            restapi,
            objects: Objects::default(),
            pods: Vec::new(),
            config: Config::default(),
            autoscaled: BTreeSet::new(),
            served: BTreeSet::new(),
            adoption: None,
        }
    }

    /// The world of an object that can't be read as a `RestAPI`: nothing but its name.
    #[must_use]
    pub fn of_invalid(invalid: &InvalidObject) -> Self {
        Self::empty(Arc::new(RestAPI {
            metadata: invalid.metadata.clone(),
            spec: RestAPISpec::default(),
            status: None,
        }))
    }

    /// The records of the application's revisions.
    #[must_use]
    pub fn records(&self) -> Vec<Arc<ControllerRevision>> {
        let records = self.objects.of("ControllerRevision");
        records.filter_map(|r| typed(r)).map(Arc::new).collect()
    }

    /// The pods that run or will: one that has failed calls nobody, and may be left for days.
    pub fn live_pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.iter().filter(|pod| !pods::has_failed(pod))
    }

    /// The workload of `component` in that environment, as it is.
    #[must_use]
    pub fn workload(
        &self,
        app: &Application,
        component: &Component,
        environment: Environment,
    ) -> Option<&DynamicObject> {
        let found = if component.claim_per_replica().is_some() {
            let name = names::stateful_set(&app.name, component.name, environment);
            self.objects.get("StatefulSet", &name)
        } else {
            let name = names::coloured(&app.name, component.name, environment);
            self.objects.get("Deployment", &name)
        };
        found.map(AsRef::as_ref)
    }

    /// The stable Services that the application has, by name. Not one that is being deleted, and none that belongs
    /// to somebody else.
    pub fn stable_services<'a>(
        &'a self,
        app: &'a Application,
    ) -> impl Iterator<Item = &'a DynamicObject> + 'a {
        let services = self.objects.of("Service").map(AsRef::as_ref);
        services.filter(|service: &&DynamicObject| {
            let owners = service.owner_references();
            service.metadata.deletion_timestamp.is_none()
                && !service.labels().contains_key(keys::ENVIRONMENT)
                && owners.iter().any(|owner| owner.uid == app.uid)
        })
    }

    /// The workloads of one environment, with the components that they are of.
    pub fn workloads_in(
        &self,
        environment: Environment,
    ) -> impl Iterator<Item = (ComponentName, &DynamicObject)> {
        let all = self.objects.iter().filter(|(kind, _)| is_workload(kind));
        all.filter_map(move |(_, workload)| {
            let is_there = environment_of(workload.as_ref()) == Some(environment);
            let name = workload.labels().get(keys::COMPONENT)?;
            is_there.then_some((ComponentName::of(name)?, workload.as_ref()))
        })
    }

    /// The attempt that an environment runs, where its workloads say so.
    #[must_use]
    pub fn attempt_in(&self, environment: Environment) -> Option<AttemptMark> {
        let mut workloads = self.workloads_in(environment);
        workloads.find_map(|(_, workload)| attempt_of(workload))
    }

    /// Whether an object has no controlling owner that should have one. Claims that outlive their
    /// application have none.
    #[must_use]
    pub fn has_orphans(&self) -> bool {
        self.objects.iter().any(|(kind, object)| {
            let owners = object.owner_references();
            kind != "PersistentVolumeClaim" && !owners.iter().any(|r| r.controller == Some(true))
        })
    }
}

/// The environment that an object belongs to, as its labels say.
#[must_use]
pub fn environment_of(object: &impl kube::ResourceExt) -> Option<Environment> {
    Environment::parse(object.labels().get(keys::ENVIRONMENT)?)
}

/// The attempt that a workload was made for, where bluegreen-manager made it.
#[must_use]
pub fn attempt_of(workload: &DynamicObject) -> Option<AttemptMark> {
    AttemptMark::parse(workload.annotations().get(keys::ATTEMPT)?)
}

/// The environment that a Service selects.
#[must_use]
pub fn selected(service: &DynamicObject) -> Option<Environment> {
    let selector = service.data.pointer("/spec/selector")?;
    Environment::parse(selector.get(keys::ENVIRONMENT)?.as_str()?)
}
