//! Everything that an application's components need in one environment, in one value.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Service, ServiceAccount};
use restapi_types::{ComponentName, Environment};

use crate::deployment::deployment;
use crate::service_account::service_account;
use crate::{Application, service};

/// A version of the rendering. A change that alters a pod template is a new version, used from an
/// application's next revision on: upgrading a manager restarts nobody's pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RenderVersion {
    /// The first.
    #[default]
    V1,
}

impl RenderVersion {
    /// As it stands in the annotation of a Deployment.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1",
        }
    }

    /// The version of that name; nothing when a newer manager made it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        (name == Self::V1.as_str()).then_some(Self::V1)
    }
}

/// The objects of one component.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedComponent {
    /// Which component.
    pub name: ComponentName,
    pub workload: Workload,
    pub coloured: Option<Service>,
    pub stable: Option<Service>,
    pub config_map: Option<k8s_openapi::api::core::v1::ConfigMap>,
    pub claim: Option<k8s_openapi::api::core::v1::PersistentVolumeClaim>,
}
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    Deployment(Box<Deployment>),
    StatefulSet(Box<k8s_openapi::api::apps::v1::StatefulSet>),
}

/// The objects of an application in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// What the pods run as.
    pub service_account: ServiceAccount,
    /// Each component's objects, leaf first.
    pub components: Vec<RenderedComponent>,
}

/// Renders `app` in `environment`, with the stable Services selecting it and written by `writer`.
#[must_use]
pub fn render(
    app: &Application,
    environment: Environment,
    writer: &str,
    version: RenderVersion,
    _: &crate::ports::LivePorts,
) -> Rendered {
    Rendered {
        service_account: service_account(app),
        components: app
            .components
            .iter()
            .map(|component| RenderedComponent {
                name: component.name,
                workload: Workload::Deployment(Box::new(deployment(
                    app,
                    component,
                    environment,
                    version,
                ))),
                coloured: Some(service::coloured(app, component, environment)),
                stable: Some(service::stable(app, component, environment, writer)),
                config_map: None,
                claim: None,
            })
            .collect(),
    }
}
