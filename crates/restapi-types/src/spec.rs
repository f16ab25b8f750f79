//! What a user asks for.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{ComponentName, ResourceRequirements, RestAPIStatus};

/// Replicas of a component for which the spec says nothing.
pub const DEFAULT_REPLICAS: i32 = 1;

/// A REST application in the MVC+R shape: up to four components, each with its own Deployment and
/// Services. A component that is absent is not deployed; `{}` deploys it with defaults.
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
    validation = Rule::new("has(self.model) || has(self.view) || has(self.controller) || has(self.repository)")
        .message("spec names no component: add at least one of model, view, controller, repository (`model: {}` deploys it with defaults)"),
    validation = Rule::new("!has(self.model) || has(self.image) || has(self.model.image)")
        .message("spec.model has no image: set spec.image or spec.model.image"),
    validation = Rule::new("!has(self.view) || has(self.image) || has(self.view.image)")
        .message("spec.view has no image: set spec.image or spec.view.image"),
    validation = Rule::new("!has(self.controller) || has(self.image) || has(self.controller.image)")
        .message("spec.controller has no image: set spec.image or spec.controller.image"),
    validation = Rule::new("!has(self.repository) || has(self.image) || has(self.repository.image)")
        .message("spec.repository has no image: set spec.image or spec.repository.image"),
)]
pub struct RestAPISpec {
    /// The container image of every component that names none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "image")]
    pub image: Option<String>,

    /// Replicas of every component that names no number of its own; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,

    /// Environment variables of every component. A component's own `envVars` override these, name by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env_vars")]
    pub env_vars: Option<BTreeMap<String, String>>,

    /// Business logic, data structures, validation, rules. Port 8080 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ComponentSpec>,

    /// Templates, UI logic, response formatting. Port 3000 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ComponentSpec>,

    /// Request routing, input validation, flow control. Port 8081 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<ComponentSpec>,

    /// Data access, database operations, caching. Port 8082 unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<ComponentSpec>,
}

impl RestAPISpec {
    /// The spec of one component, if the application has it.
    #[must_use]
    pub fn component(&self, name: ComponentName) -> Option<&ComponentSpec> {
        match name {
            ComponentName::Repository => self.repository.as_ref(),
            ComponentName::Model => self.model.as_ref(),
            ComponentName::Controller => self.controller.as_ref(),
            ComponentName::View => self.view.as_ref(),
        }
    }

    /// The components that the application has, leaf first.
    pub fn components(&self) -> impl Iterator<Item = (ComponentName, &ComponentSpec)> {
        ComponentName::ALL
            .into_iter()
            .filter_map(|name| Some((name, self.component(name)?)))
    }
}

/// One component. What is absent comes from the application's own fields, then from defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentSpec {
    /// The container image; `spec.image` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "image")]
    pub image: Option<String>,

    /// Replicas; `spec.replicas` when absent, and 1 when that is absent too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,

    /// The TCP port that the container listens on, with HTTP `/health` on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,

    /// The program to run instead of the image's entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words")]
    pub command: Option<Vec<String>>,

    /// The program's arguments instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words")]
    pub args: Option<Vec<String>>,

    /// Environment variables of this component, over those of `spec.envVars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "env_vars")]
    pub env_vars: Option<BTreeMap<String, String>>,

    /// What the container is promised and may use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
}

/// A reference to a container image. No more is checked than what can never be pulled.
fn image(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 512,
        "x-kubernetes-validations": [{
            "rule": r"self.matches('^[a-zA-Z0-9][-a-zA-Z0-9._:/@]*$')",
            "message": "image is not a reference to an image: write NAME, NAME:TAG or NAME@DIGEST, without spaces"
        }]
    })
}

/// A command line: at most 64 words of at most 2,048 characters.
fn words(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": {"type": "string", "maxLength": 2048}
    })
}

/// At most 128 variables of at most 4,096 characters, none of which is the operator's own.
fn env_vars(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 128,
        "additionalProperties": {"type": "string", "maxLength": 4096},
        "x-kubernetes-validations": [
            {
                "rule": "self.all(k, k.size() <= 128 && k.matches('^[A-Za-z_][-A-Za-z0-9_.]*$'))",
                "message": "envVars holds a name that is none of an environment variable: start with a letter or '_', go on with letters, digits, '_', '-' or '.', at most 128 characters"
            },
            {
                "rule": "self.all(k, !k.startsWith('RESTAPI_'))",
                "message": "envVars must not set names that start with RESTAPI_: the operator sets these in every pod; choose another name"
            },
            {
                "rule": "self.all(k, !(k in ['MODEL_URL', 'VIEW_URL', 'CONTROLLER_URL', 'REPOSITORY_URL']))",
                "message": "envVars must not set MODEL_URL, VIEW_URL, CONTROLLER_URL or REPOSITORY_URL: the operator sets the addresses of the other components; choose another name"
            }
        ]
    })
}
