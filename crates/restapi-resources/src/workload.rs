//! What runs a component's pods in one environment: a Deployment, or a StatefulSet where each pod has a claim of
//! its own.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use restapi_types::{Environment, keys, names};

use crate::deployment::deployment;
use crate::stateful_set::stateful_set;
use crate::{Application, Component, RenderVersion, labels, pod};

/// What runs a component's pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// Pods that are alike: [`names::coloured`].
    Deployment(Box<Deployment>),
    /// Pods with a claim each: [`names::stateful_set`].
    StatefulSet(Box<StatefulSet>),
}

impl Workload {
    /// The Deployment, if it is one.
    #[must_use]
    pub fn deployment(&self) -> Option<&Deployment> {
        match self {
            Self::Deployment(deployment) => Some(deployment),
            Self::StatefulSet(_) => None,
        }
    }

    /// The StatefulSet, if it is one.
    #[must_use]
    pub fn stateful_set(&self) -> Option<&StatefulSet> {
        match self {
            Self::Deployment(_) => None,
            Self::StatefulSet(set) => Some(set),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        let metadata = match self {
            Self::Deployment(deployment) => &deployment.metadata,
            Self::StatefulSet(set) => &set.metadata,
        };
        metadata.name.as_deref().unwrap_or_default()
    }

    /// The template of its pods.
    #[must_use]
    pub fn template(&self) -> Option<&PodTemplateSpec> {
        match self {
            Self::Deployment(deployment) => deployment.spec.as_ref().map(|s| &s.template),
            Self::StatefulSet(set) => set.spec.as_ref().map(|s| &s.template),
        }
    }
}

/// The workload of `component` in `environment`, with the number of replicas that the spec asks for.
#[must_use]
pub fn workload(
    app: &Application,
    component: &Component,
    environment: Environment,
    version: RenderVersion,
) -> Workload {
    let claim = component.claim_per_replica();
    let name = match claim {
        None => names::coloured(&app.name, component.name, environment),
        Some(_) => names::stateful_set(&app.name, component.name, environment),
    };
    let own = labels::workload(&app.name, component.name, environment);
    let mut metadata = labels::owned(app, name, own);
    metadata.annotations = Some(BTreeMap::from([(
        keys::RENDER_VERSION.to_owned(),
        version.as_str().to_owned(),
    )]));
    let selector = LabelSelector {
        match_labels: Some(labels::selector(&app.name, component.name, environment)),
        match_expressions: None,
    };
    let template = pod::template(app, component, environment);
    match claim {
        None => Workload::Deployment(Box::new(deployment(
            component, metadata, selector, template,
        ))),
        Some(claim) => Workload::StatefulSet(Box::new(stateful_set(
            app,
            component,
            environment,
            claim,
            metadata,
            selector,
            template,
        ))),
    }
}
