//! The Services of a component: one per environment, whose selector never changes, and the stable one,
//! which selects one environment and is what a switch changes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::{Environment, keys, names};

use crate::deployment::PORT_NAME;
use crate::{Application, Component, labels};

/// The Service `APP-COMPONENT-COLOUR`: always this environment's pods.
#[must_use]
pub fn coloured(app: &Application, component: &Component, environment: Environment) -> Service {
    Service {
        metadata: labels::owned(
            app,
            names::coloured(&app.name, component.name, environment),
            labels::workload(&app.name, component.name, environment),
        ),
        spec: Some(spec(app, component, environment)),
        status: None,
    }
}

/// The Service `APP-COMPONENT`, selecting `environment`; `writer` is the manager that may switch it.
#[must_use]
pub fn stable(
    app: &Application,
    component: &Component,
    environment: Environment,
    writer: &str,
) -> Service {
    let mut metadata = labels::owned(
        app,
        names::stable(&app.name, component.name),
        labels::component(&app.name, component.name),
    );
    metadata.annotations = Some(BTreeMap::from([(
        keys::WRITER.to_owned(),
        writer.to_owned(),
    )]));
    Service {
        metadata,
        spec: Some(spec(app, component, environment)),
        status: None,
    }
}

fn spec(app: &Application, component: &Component, environment: Environment) -> ServiceSpec {
    ServiceSpec {
        selector: Some(labels::selector(&app.name, component.name, environment)),
        ports: Some(vec![ServicePort {
            name: Some(PORT_NAME.to_owned()),
            app_protocol: Some("http".to_owned()),
            port: component.port.unwrap_or_default(),
            target_port: Some(IntOrString::String(PORT_NAME.to_owned())),
            protocol: Some("TCP".to_owned()),
            node_port: None,
        }]),
        type_: Some("ClusterIP".to_owned()),
        ..ServiceSpec::default()
    }
}
