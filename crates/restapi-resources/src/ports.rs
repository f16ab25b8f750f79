//! The ports of a component's pods: those that the spec asks for, and those of pods that an earlier revision
//! left.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PodSpec;
use restapi_types::ComponentName;
use restapi_types::spec::network::Protocol;

use crate::{Application, Component};

/// The name of a component's own port.
pub const MAIN: &str = "main";

/// The name of the extra port that is scraped instead of the component's own.
pub const METRICS: &str = "metrics";

/// The TCP ports of one kind of pod, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ports(BTreeMap<String, i32>);

impl Ports {
    /// The ports that the spec asks for.
    #[must_use]
    pub fn of(component: &Component) -> Self {
        let own = component.port.map(|port| (MAIN.to_owned(), port));
        let extra = component.spec.extra_ports.iter().flatten();
        Self(
            extra
                .map(|extra| (extra.name.clone(), extra.port))
                .chain(own)
                .collect(),
        )
    }

    /// The ports of a pod of that component, as it was rendered by whatever version: those of the component's
    /// own container, which has its name.
    #[must_use]
    pub fn of_pod(component: ComponentName, pod: &PodSpec) -> Self {
        let containers = pod.containers.iter();
        let own = containers.filter(|container| container.name == component.as_str());
        Self(
            own.flat_map(|container| container.ports.iter().flatten())
                .filter_map(|port| Some((port.name.clone()?, port.container_port)))
                .collect(),
        )
    }

    /// The names of all ports.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The numbers of all ports.
    pub fn numbers(&self) -> impl Iterator<Item = i32> {
        self.0.values().copied()
    }

    /// The number of the port of that name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i32> {
        self.0.get(name).copied()
    }

    /// The name of the port that answers with metrics: the one called `metrics`, else the component's own if
    /// that speaks HTTP.
    #[must_use]
    pub fn scraped(&self, protocol: Protocol) -> Option<&'static str> {
        if self.0.contains_key(METRICS) {
            return Some(METRICS);
        }
        (protocol == Protocol::Http && self.0.contains_key(MAIN)).then_some(MAIN)
    }
}

/// The ports on which pods still listen, whatever the spec now says. With none of these, a policy would cut the
/// pods that a rollout has not replaced yet off from those that still call their old port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LivePorts(BTreeMap<ComponentName, BTreeSet<Ports>>);

impl LivePorts {
    /// Adds the ports of pods of a component.
    pub fn add(&mut self, component: ComponentName, ports: Ports) {
        self.0.entry(component).or_default().insert(ports);
    }

    /// The ports of every kind of pod of `component`: as the spec wants them and as they are.
    #[must_use]
    pub fn of(&self, component: &Component) -> BTreeSet<Ports> {
        let mut all = self.0.get(&component.name).cloned().unwrap_or_default();
        all.insert(Ports::of(component));
        all
    }

    /// The number of every port in the application, those of components that the spec no longer has included.
    #[must_use]
    pub fn numbers(&self, app: &Application) -> BTreeSet<i32> {
        let wanted = app.components.iter().map(Ports::of);
        let live = self.0.values().flatten().cloned();
        wanted
            .chain(live)
            .flat_map(|ports| ports.numbers().collect::<Vec<_>>())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::restapi;

    fn model(spec: &str) -> Component {
        let app = Application::resolve(&restapi(spec)).unwrap();
        app.component(ComponentName::Model).unwrap().clone()
    }

    #[test]
    fn a_pod_tells_its_component_s_ports_and_no_sidecar_s() {
        let pod: PodSpec = serde_json::from_value(json!({"containers": [
            {"name": "proxy", "ports": [{"name": "metrics", "containerPort": 15090}]},
            {"name": "model", "ports": [
                {"name": "main", "containerPort": 8080},
                {"name": "admin", "containerPort": 9000},
                {"containerPort": 7},
            ]},
        ]}))
        .unwrap();
        let ports = Ports::of_pod(ComponentName::Model, &pod);
        assert_eq!(ports.names().collect::<Vec<_>>(), ["admin", "main"]);
        assert_eq!(
            ports,
            Ports::of(&model(
                r#"{"image": "a", "model": {"extraPorts": [{"name": "admin", "port": 9000}]}}"#
            ))
        );
    }

    #[test]
    fn metrics_are_on_the_port_of_that_name_or_on_the_own_one_if_it_speaks_http() {
        let scraped = |spec: &str| {
            let component = model(spec);
            Ports::of(&component).scraped(component.protocol)
        };
        assert_eq!(scraped(r#"{"image": "a", "model": {}}"#), Some("main"));
        assert_eq!(
            scraped(r#"{"image": "a", "model": {"protocol": "TCP"}}"#),
            None
        );
        assert_eq!(scraped(r#"{"image": "a", "model": {"port": 0}}"#), None);
        assert_eq!(
            scraped(
                r#"{"image": "a", "model": {"protocol": "GRPC", "extraPorts": [{"name": "metrics", "port": 9}]}}"#
            ),
            Some("metrics")
        );
    }
}
