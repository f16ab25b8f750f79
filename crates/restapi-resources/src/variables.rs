//! The environment variables of a component's container.

use k8s_openapi::api::core::v1::{
    ConfigMapEnvSource, EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector,
};
use restapi_types::{Environment, keys, names};

use crate::{Application, Component, config_map};

/// The variables of the template, so that each can refer to those before it with `$(NAME)`: the operator's own,
/// the addresses of the other components, those of `envVars` that refer to others, then `env`. The rest of
/// `envVars` is in a ConfigMap, and there before all of these.
#[must_use]
pub fn of(app: &Application, component: &Component, environment: Environment) -> Vec<EnvVar> {
    let values = component.spec.env_vars.iter().flatten();
    let values = values.filter(|(_, value)| config_map::is_expanded(value));
    operators(app, component, environment)
        .into_iter()
        .chain(values.map(|(name, value)| literal(name, value)))
        .chain(component.spec.env.iter().flatten().cloned())
        .collect()
}

/// Where further variables come from: what the author names, then the ConfigMap of plain values. Of two sources
/// Kubernetes takes the later one, so that what stands in the spec wins over what it refers to.
#[must_use]
pub fn sources(app: &Application, component: &Component) -> Vec<EnvFromSource> {
    let own = config_map::name(app, component).map(|name| EnvFromSource {
        config_map_ref: Some(ConfigMapEnvSource {
            name,
            optional: None,
        }),
        ..EnvFromSource::default()
    });
    let authors = component.spec.env_from.iter().flatten().cloned();
    authors.chain(own).collect()
}

/// The variables that the operator sets and nobody else may: its own, then the addresses of the components that
/// have a port.
#[must_use]
pub fn operators(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> Vec<EnvVar> {
    let revision = match component.claim_per_replica() {
        None => "metadata.labels['pod-template-hash']",
        Some(_) => "metadata.labels['controller-revision-hash']",
    };
    let own = [
        from_pod("POD", "metadata.name"),
        from_pod("VERSION", revision),
        literal(&own_name("COMPONENT"), component.name.as_str()),
        literal(&own_name("ENVIRONMENT"), environment.as_str()),
        literal(&own_name("NAME"), &app.name),
    ];
    let port = component.port;
    let port = port.map(|port| literal(&own_name("PORT"), &port.to_string()));
    let peers = peers(app, component).map(|(peer, port)| {
        literal(
            &peer.name.url_variable(),
            &address(app, peer, port, environment),
        )
    });
    own.into_iter().chain(port).chain(peers).collect()
}

/// What a gate's Job is told: the application, the environment, and where each component answers there.
#[must_use]
pub fn of_gate(app: &Application, environment: Environment) -> Vec<EnvVar> {
    let own = [
        literal(&own_name("ENVIRONMENT"), environment.as_str()),
        literal(&own_name("NAME"), &app.name),
    ];
    let components = app.components.iter();
    let addresses = components.filter_map(|component| {
        let address = address(app, component, component.port?, environment);
        Some(literal(&component.name.url_variable(), &address))
    });
    own.into_iter().chain(addresses).collect()
}

/// The other components that can be called, with their ports.
pub(crate) fn peers<'a>(
    app: &'a Application,
    component: &'a Component,
) -> impl Iterator<Item = (&'a Component, i32)> {
    let others = app.components.iter();
    others
        .filter(|peer| peer.name != component.name)
        .filter_map(|peer| Some((peer, peer.port?)))
}

/// The address of a peer in the same environment: a request that entered green stays in green through
/// the whole chain, before, during and after a switch.
fn address(app: &Application, peer: &Component, port: i32, environment: Environment) -> String {
    format!(
        "{}://{}:{port}",
        peer.protocol.scheme(),
        names::coloured(&app.name, peer.name, environment),
    )
}

fn own_name(name: &str) -> String {
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
        name: own_name(name),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(field_ref),
            ..EnvVarSource::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use restapi_types::ComponentName;

    use super::*;
    use crate::fixtures::application;

    fn names_of(app: &Application, component: ComponentName) -> Vec<String> {
        let variables = of(app, app.component(component).unwrap(), Environment::Blue);
        variables.into_iter().map(|v| v.name).collect()
    }

    #[test]
    fn each_part_can_refer_to_those_before_it() {
        let app = application(
            r#"{"image": "a", "model": {"protocol": "GRPC"}, "view": {
                "envVars": {"PLAIN": "x", "API": "$(MODEL_URL)/v1"},
                "env": [{"name": "FULL", "value": "$(API)/$(PLAIN)"}]}}"#,
        );
        assert_eq!(
            names_of(&app, ComponentName::View),
            [
                "RESTAPI_POD",
                "RESTAPI_VERSION",
                "RESTAPI_COMPONENT",
                "RESTAPI_ENVIRONMENT",
                "RESTAPI_NAME",
                "RESTAPI_PORT",
                "MODEL_URL",
                "API",
                "FULL"
            ]
        );
        let view = app.component(ComponentName::View).unwrap();
        let url = of(&app, view, Environment::Green);
        let url = url.iter().find(|v| v.name == "MODEL_URL").unwrap();
        assert_eq!(url.value.as_deref(), Some("grpc://orders-model-green:8080"));
    }

    #[test]
    fn nobody_is_told_the_address_of_a_worker_and_a_worker_has_no_port() {
        let app = application(
            r#"{"image": "a", "view": {}, "additionalComponents": [
                {"name": "worker", "template": {}}, {"name": "search", "template": {"port": 9200}}]}"#,
        );
        let view = names_of(&app, ComponentName::View);
        assert!(view.contains(&"SEARCH_URL".to_owned()));
        assert!(!view.contains(&"WORKER_URL".to_owned()));
        let worker = names_of(&app, ComponentName::of("worker").unwrap());
        assert!(worker.contains(&"VIEW_URL".to_owned()));
        assert!(!worker.contains(&"RESTAPI_PORT".to_owned()));
    }

    #[test]
    fn plain_values_come_last_of_the_sources_so_that_they_win() {
        let app = application(
            r#"{"image": "a", "view": {"envVars": {"A": "1"}, "envFrom": [{"secretRef": {"name": "s"}}]}}"#,
        );
        let view = app.component(ComponentName::View).unwrap();
        let sources = sources(&app, view);
        assert!(sources[0].secret_ref.is_some());
        assert_eq!(
            sources[1].config_map_ref.as_ref().map(|r| r.name.clone()),
            config_map::name(&app, view)
        );
    }
}
