//! What a user asks for.

pub mod blue_green;
pub mod companions;
pub mod component;
mod environment;
pub mod gates;
pub mod health;
mod metadata;
pub mod network;
mod opaque;
pub mod pods;
pub mod routing;
pub mod storage;
mod values;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use blue_green::BlueGreenSpec;
use companions::{DisruptionSpec, MonitoringSpec, ResourceQuotaSpec, ServiceAccountSpec};
use component::{AdditionalComponent, ComponentSpec};
use environment::{env, env_from, env_vars};
use health::HealthCheckSpec;
use network::{LocalReference, NetworkPolicySpec};
use pods::ImagePullPolicy;
use routing::{GatewaySpec, IngressSpec, pull_secrets};
use values::image;

use crate::schema::{bare, choice, own_list_by_name};
use crate::status::BlueGreenStatus;
use crate::{ComponentName, RestAPIStatus};

/// Replicas of a component for which the spec says nothing.
pub const DEFAULT_REPLICAS: i32 = 1;

/// What becomes of an application's data when its RestAPI is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Everything is deleted but the claims whose own `retention` is `Retain`.
    Delete,
    /// Every claim stays, whatever its own `retention` says.
    Retain,
}

/// A REST application in the MVC+R shape: up to four components and additional ones, each with its own
/// workload and Services. A component that is absent is not deployed; `{}` deploys it with defaults.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "restapi.dev",
    version = "v1alpha1",
    kind = "RestAPI",
    plural = "restapis",
    singular = "restapi",
    shortname = "ra",
    category = "all",
    namespaced,
    status = "RestAPIStatus",
    derive = "PartialEq",
    doc = "A REST application in the MVC+R shape: model, view, controller and repository.",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "Where the application stands, in a word"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, description = "Everything exists, is synced and is available"),
    printcolumn(name = "Pods", type_ = "integer", json_path = ".status.replicas", description = "Pods that the components' Deployments have"),
    printcolumn(name = "Ready-Pods", type_ = "integer", json_path = ".status.readyReplicas", description = "Pods that are ready to serve"),
    printcolumn(name = "Environment", type_ = "string", json_path = ".status.activeEnvironment", description = "The environment that serves"),
    printcolumn(name = "Deployed", type_ = "date", json_path = ".status.lastDeploymentTime", description = "When a new revision last became available"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1, description = "What stands between the application and Ready"),
    validation = Rule::new("self.metadata.name.size() <= 40")
        .message("metadata.name is longer than 40 characters, too long for the names of the Deployments and Services made from it: choose a shorter name"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must start with a letter and hold only lower-case letters, digits and '-', because Services are named after it"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.model) || has(self.view) || has(self.controller) || has(self.repository) || (has(self.additionalComponents) && self.additionalComponents.size() > 0)")
        .message("spec names no component: add at least one of model, view, controller, repository (`model: {}` deploys it with defaults) or additionalComponents"),
    validation = Rule::new("!has(self.model) || has(self.image) || has(self.model.image)")
        .message("spec.model has no image: set spec.image or spec.model.image"),
    validation = Rule::new("!has(self.view) || has(self.image) || has(self.view.image)")
        .message("spec.view has no image: set spec.image or spec.view.image"),
    validation = Rule::new("!has(self.controller) || has(self.image) || has(self.controller.image)")
        .message("spec.controller has no image: set spec.image or spec.controller.image"),
    validation = Rule::new("!has(self.repository) || has(self.image) || has(self.repository.image)")
        .message("spec.repository has no image: set spec.image or spec.repository.image"),
    validation = Rule::new("!has(self.additionalComponents) || has(self.image) || self.additionalComponents.all(c, has(c.template.image))")
        .message("spec.additionalComponents holds one without an image: set spec.image or its template.image"),
    validation = Rule::new("(!has(self.model) || has(self.model.port) || !has(self.model.extraPorts) || self.model.extraPorts.all(p, p.port != 8080)) && (!has(self.view) || has(self.view.port) || !has(self.view.extraPorts) || self.view.extraPorts.all(p, p.port != 3000)) && (!has(self.controller) || has(self.controller.port) || !has(self.controller.extraPorts) || self.controller.extraPorts.all(p, p.port != 8081)) && (!has(self.repository) || has(self.repository.port) || !has(self.repository.extraPorts) || self.repository.extraPorts.all(p, p.port != 8082))")
        .message("extraPorts holds the component's own port, which is 8080 of the model, 3000 of the view, 8081 of the controller and 8082 of the repository unless set: give each port a number of its own"),
    validation = Rule::new("!has(self.env) || !has(self.envVars) || self.env.all(e, !(e.name in self.envVars))")
        .message("spec.env and spec.envVars set the same name: keep one of the two"),
    validation = Rule::new("!has(self.ingress) || !has(self.ingress.routes) || self.ingress.routes.all(r, (r.component == 'model' && has(self.model)) || (r.component == 'view' && has(self.view)) || (r.component == 'controller' && has(self.controller)) || (r.component == 'repository' && has(self.repository)) || (has(self.additionalComponents) && self.additionalComponents.exists(c, c.name == r.component)))")
        .message("spec.ingress.routes leads to a component that the application does not have: add the component or correct the route"),
    validation = Rule::new("!has(self.gateway) || !has(self.gateway.routes) || self.gateway.routes.all(r, (r.component == 'model' && has(self.model)) || (r.component == 'view' && has(self.view)) || (r.component == 'controller' && has(self.controller)) || (r.component == 'repository' && has(self.repository)) || (has(self.additionalComponents) && self.additionalComponents.exists(c, c.name == r.component)))")
        .message("spec.gateway.routes leads to a component that the application does not have: add the component or correct the route"),
    validation = Rule::new("has(self.view) || ((!has(self.ingress) || has(self.ingress.routes)) && (!has(self.gateway) || has(self.gateway.routes)))")
        .message("spec.ingress and spec.gateway lead to the view unless they have routes, and there is no view: add routes or the view"),
    validation = Rule::new("!has(self.blueGreen) || !has(self.blueGreen.preSwitch) || self.blueGreen.preSwitch.all(g, !has(g.http) || (g.http.component == 'model' && has(self.model)) || (g.http.component == 'view' && has(self.view)) || (g.http.component == 'controller' && has(self.controller)) || (g.http.component == 'repository' && has(self.repository)) || (has(self.additionalComponents) && self.additionalComponents.exists(c, c.name == g.http.component)))")
        .message("spec.blueGreen.preSwitch asks a component that the application does not have: add the component or correct http.component"),
    validation = Rule::new("!has(self.blueGreen) || !has(self.blueGreen.postSwitch) || self.blueGreen.postSwitch.all(g, !has(g.http) || (g.http.component == 'model' && has(self.model)) || (g.http.component == 'view' && has(self.view)) || (g.http.component == 'controller' && has(self.controller)) || (g.http.component == 'repository' && has(self.repository)) || (has(self.additionalComponents) && self.additionalComponents.exists(c, c.name == g.http.component)))")
        .message("spec.blueGreen.postSwitch asks a component that the application does not have: add the component or correct http.component"),
    validation = Rule::new("!has(self.blueGreen) || !self.blueGreen.?enabled.orValue(true) || ((!has(self.model) || (!has(self.model.persistence) || (self.model.persistence.?accessMode.orValue('').endsWith('Many') && self.model.persistence.?mode.orValue('') != 'PerReplica'))) && (!has(self.view) || (!has(self.view.persistence) || (self.view.persistence.?accessMode.orValue('').endsWith('Many') && self.view.persistence.?mode.orValue('') != 'PerReplica'))) && (!has(self.controller) || (!has(self.controller.persistence) || (self.controller.persistence.?accessMode.orValue('').endsWith('Many') && self.controller.persistence.?mode.orValue('') != 'PerReplica'))) && (!has(self.repository) || (!has(self.repository.persistence) || (self.repository.persistence.?accessMode.orValue('').endsWith('Many') && self.repository.persistence.?mode.orValue('') != 'PerReplica'))) && (!has(self.additionalComponents) || self.additionalComponents.all(c, (!has(c.template.persistence) || (c.template.persistence.?accessMode.orValue('').endsWith('Many') && c.template.persistence.?mode.orValue('') != 'PerReplica')))))")
        .message("spec.blueGreen is on and a component's persistence can't be shared by two revisions that run side by side: set its accessMode to ReadWriteMany or ReadOnlyMany, not mode PerReplica, keep the data in a database, or remove spec.blueGreen"),
)]
pub struct RestAPISpec {
    /// The container image of every component that names none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "image")]
    pub image: Option<String>,

    /// When nodes ask the registry for images; Kubernetes' own default unless set: `Always` for the tag
    /// `latest`, else `IfNotPresent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<ImagePullPolicy>")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// Secrets with the credentials of registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pull_secrets")]
    pub image_pull_secrets: Option<Vec<LocalReference>>,

    /// Replicas of every component that names no number of its own; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,

    /// Environment variables of every component. A component's own `envVars` override these, name by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env_vars")]
    pub env_vars: Option<BTreeMap<String, String>>,

    /// Environment variables of every component in Kubernetes' own form, for `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env")]
    pub env: Option<Vec<EnvVar>>,

    /// ConfigMaps and Secrets whose keys become variables of every component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env_from")]
    pub env_from: Option<Vec<EnvFromSource>>,

    /// Business logic, data structures, validation, rules. Port 8080 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ComponentSpec>,

    /// Templates, UI logic, response formatting. Port 3000 unless set. Its fields are those of `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bare::<ComponentSpec>")]
    pub view: Option<ComponentSpec>,

    /// Request routing, input validation, flow control. Port 8081 unless set. Its fields are those of `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bare::<ComponentSpec>")]
    pub controller: Option<ComponentSpec>,

    /// Data access, database operations, caching. Port 8082 unless set. Its fields are those of `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bare::<ComponentSpec>")]
    pub repository: Option<ComponentSpec>,

    /// Further components, at most 16. One that names no port is a worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "own_list_by_name::<AdditionalComponent, 16>")]
    pub additional_components: Option<Vec<AdditionalComponent>>,

    /// Health checks of every component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckSpec>,

    /// An Ingress; none unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressSpec>,

    /// Routes of the Gateway API; none unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewaySpec>,

    /// What may reach the application's pods, and what they may reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicySpec>,

    /// How many pods of a component a drain may take away at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<DisruptionSpec>,

    /// The ServiceAccount that pods run as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccountSpec>,

    /// A ResourceQuota for the namespace; none unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_quota: Option<ResourceQuotaSpec>,

    /// How metrics are collected; not at all unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<MonitoringSpec>,

    /// Blue/green: how a revision is replaced as a whole. Component by component unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenSpec>,

    /// Whether the operator leaves everything as it is: no repair, no rollout. Status is still kept, and a rollout
    /// is still given up or rolled back when somebody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,

    /// What becomes of the data when the RestAPI is deleted; `Delete` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "choice::<DeletionPolicy>")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl RestAPI {
    /// What bluegreen-manager says of the spec as it is now.
    #[must_use]
    pub fn rollout(&self) -> Option<&BlueGreenStatus> {
        let told = self.status.as_ref()?.blue_green.as_ref()?;
        (Some(told.observed_generation) == self.metadata.generation).then_some(told)
    }
}

impl RestAPISpec {
    /// How revisions are replaced as a whole, where they are.
    #[must_use]
    pub fn blue_green(&self) -> Option<&BlueGreenSpec> {
        self.blue_green.as_ref().filter(|b| b.is_enabled())
    }

    /// The spec of one component, if the application has it.
    #[must_use]
    pub fn component(&self, name: ComponentName) -> Option<&ComponentSpec> {
        match name {
            ComponentName::Additional(name) => self
                .additional_components
                .iter()
                .flatten()
                .find(|c| c.name == name.as_str())
                .map(|c| &c.template),
            ComponentName::Repository => self.repository.as_ref(),
            ComponentName::Model => self.model.as_ref(),
            ComponentName::Controller => self.controller.as_ref(),
            ComponentName::View => self.view.as_ref(),
        }
    }

    /// The components that the application has, in the order of their names' [`Ord`]: the edge last. An
    /// additional component whose name admission should have refused is left out.
    #[must_use]
    pub fn components(&self) -> Vec<(ComponentName, &ComponentSpec)> {
        let additional = self.additional_components.iter().flatten();
        let additional =
            additional.filter_map(|c| Some((ComponentName::additional(&c.name)?, &c.template)));
        let fixed = ComponentName::ALL
            .into_iter()
            .filter_map(|name| Some((name, self.component(name)?)));
        let mut all: Vec<_> = additional.chain(fixed).collect();
        all.sort_by_key(|(name, _)| *name);
        all
    }
}
