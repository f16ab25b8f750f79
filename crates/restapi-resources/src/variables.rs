//! The environment variables of a component's container.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector};
use restapi_types::{Environment, keys, names};

use crate::{Application, Component};

/// The operator's own variables, then the addresses of the other components, then the author's, each
/// part in the order of names, so that the author's can refer to the others with `$(NAME)`.
#[must_use]
pub fn of(app: &Application, component: &Component, environment: Environment) -> Vec<EnvVar> {
    let own = [
        from_pod("POD", "metadata.name"),
        from_pod("VERSION", "metadata.labels['pod-template-hash']"),
        literal(&own("COMPONENT"), component.name.as_str()),
        literal(&own("ENVIRONMENT"), environment.as_str()),
        literal(&own("NAME"), &app.name),
        literal(
            &own("PORT"),
            &component.port.unwrap_or_default().to_string(),
        ),
    ];
    let peers = app
        .components
        .iter()
        .filter(|peer| peer.name != component.name);
    let peers =
        peers.map(|peer| literal(&peer.name.url_variable(), &address(app, peer, environment)));
    let authors = component
        .spec
        .env_vars
        .iter()
        .flatten()
        .map(|(name, value)| literal(name, value));
    own.into_iter().chain(peers).chain(authors).collect()
}

/// The address of a peer in the same environment: a request that entered green stays in green through
/// the whole chain, before, during and after a switch.
fn address(app: &Application, peer: &Component, environment: Environment) -> String {
    format!(
        "http://{}:{}",
        names::coloured(&app.name, peer.name, environment),
        peer.port.unwrap_or_default()
    )
}

fn own(name: &str) -> String {
    format!("{}{name}", keys::ENV_PREFIX)
}

fn literal(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    }
}

fn from_pod(name: &str, path: &str) -> EnvVar {
    // `apiVersion` is what the API server fills in: written out, so that nothing differs.
    let field_ref = ObjectFieldSelector {
        api_version: Some("v1".to_owned()),
        field_path: path.to_owned(),
    };
    EnvVar {
        name: own(name),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(field_ref),
            ..EnvVarSource::default()
        }),
    }
}
