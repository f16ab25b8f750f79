//! Everything that an application's components need in one environment, in one value.

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use restapi_types::{ComponentName, Environment};

use crate::ports_in_use::PortsInUse;
use crate::workload::{Workload, workload};
use crate::{Application, claim, config_map, service};

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
    /// What runs its pods.
    pub workload: Workload,
    /// `APP-COMPONENT-COLOUR`; a worker has none.
    pub coloured: Option<Service>,
    /// `APP-COMPONENT`; a worker has none.
    pub stable: Option<Service>,
    /// The plain values of `envVars`, if there are any. It must exist before the workload.
    pub config_map: Option<ConfigMap>,
    /// The claim that its pods share, if they do. It must exist before the workload.
    pub claim: Option<PersistentVolumeClaim>,
}

/// The objects of an application in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Each component's objects, leaf first.
    pub components: Vec<RenderedComponent>,
}

/// Renders `app` in `environment`, with the stable Services selecting it and written by `writer`, and with the
/// ports under which pods of earlier revisions still call its components.
#[must_use]
pub fn render(
    app: &Application,
    environment: Environment,
    writer: &str,
    version: RenderVersion,
    in_use: &PortsInUse,
) -> Rendered {
    Rendered {
        components: app
            .components
            .iter()
            .map(|component| RenderedComponent {
                name: component.name,
                workload: workload(app, component, environment, version),
                coloured: service::coloured(app, component, environment, in_use),
                stable: service::stable(app, component, environment, writer, in_use),
                config_map: config_map::config_map(app, component),
                claim: claim::shared(app, component),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::controller_revision::controller_revision;
    use crate::fixtures::{FULL, application};
    use crate::service_account::service_account;

    fn rendered(app: &Application, environment: Environment) -> Rendered {
        let in_use = PortsInUse::default();
        render(
            app,
            environment,
            "core-reconciler",
            RenderVersion::V1,
            &in_use,
        )
    }

    fn golden(component: &RenderedComponent, part: &str, object: Option<&impl Serialize>) {
        if let Some(object) = object {
            insta::assert_yaml_snapshot!(format!("v1-{}-{part}", component.name), object);
        }
    }

    /// What version 1 renders, byte for byte. A difference here restarts people's pods: make it a new
    /// version instead, unless this version was never released.
    #[test]
    fn version_1_is_what_the_golden_files_hold() {
        let app = application(FULL);
        let rendered = rendered(&app, Environment::Blue);
        insta::assert_yaml_snapshot!("v1-service-account", service_account(&app));
        for component in &rendered.components {
            golden(component, "deployment", component.workload.deployment());
            golden(component, "stateful-set", component.workload.stateful_set());
            golden(component, "coloured", component.coloured.as_ref());
            golden(component, "stable", component.stable.as_ref());
            golden(component, "config-map", component.config_map.as_ref());
            golden(component, "claim", component.claim.as_ref());
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
        let rendered = rendered(&application(FULL), Environment::Green);
        let components = rendered.components.iter();
        let templates: Vec<_> = components.map(|c| c.workload.template()).collect();
        let text = serde_json::to_string(&templates).unwrap();
        assert!(text.contains("grpc://orders-model-green:8080"));
        assert!(!text.contains("blue"));
    }
}
