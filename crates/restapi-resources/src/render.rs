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
    /// `APP-COMPONENT-COLOUR`.
    pub deployment: Deployment,
    /// `APP-COMPONENT-COLOUR`.
    pub coloured: Service,
    /// `APP-COMPONENT`.
    pub stable: Service,
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
) -> Rendered {
    Rendered {
        service_account: service_account(app),
        components: app
            .components
            .iter()
            .map(|component| RenderedComponent {
                name: component.name,
                deployment: deployment(app, component, environment, version),
                coloured: service::coloured(app, component, environment),
                stable: service::stable(app, component, environment, writer),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller_revision::controller_revision;
    use crate::fixtures::{SPEC, restapi};

    /// What version 1 renders, byte for byte. A difference here restarts people's pods: make it a new
    /// version instead, unless this version was never released.
    #[test]
    fn version_1_is_what_the_golden_files_hold() {
        let app = Application::resolve(&restapi(SPEC)).unwrap();
        let rendered = render(
            &app,
            Environment::Blue,
            "core-reconciler",
            RenderVersion::V1,
        );
        insta::assert_yaml_snapshot!("v1-service-account", rendered.service_account);
        for component in rendered.components {
            insta::assert_yaml_snapshot!(
                format!("v1-{}-deployment", component.name),
                component.deployment
            );
            insta::assert_yaml_snapshot!(
                format!("v1-{}-coloured", component.name),
                component.coloured
            );
            insta::assert_yaml_snapshot!(format!("v1-{}-stable", component.name), component.stable);
        }
        insta::assert_yaml_snapshot!("v1-controller-revision", controller_revision(&app, 1));
    }

    #[test]
    fn every_version_has_a_name_and_unknown_ones_have_none() {
        assert_eq!(
            RenderVersion::parse(RenderVersion::V1.as_str()),
            Some(RenderVersion::V1)
        );
        assert_eq!(RenderVersion::parse("999"), None);
    }

    #[test]
    fn green_talks_to_green_only() {
        let app = Application::resolve(&restapi(SPEC)).unwrap();
        let rendered = render(
            &app,
            Environment::Green,
            "core-reconciler",
            RenderVersion::V1,
        );
        let text = serde_json::to_string(
            &rendered
                .components
                .iter()
                .map(|c| &c.deployment)
                .collect::<Vec<_>>(),
        )
        .unwrap();
        assert!(text.contains("http://orders-model-green:8080"));
        assert!(!text.contains("blue"));
    }
}
