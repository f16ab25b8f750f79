//! The Services of a component that has a port: one per environment, whose selector never changes, and the stable
//! one, which selects one environment and is what a switch changes.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::spec::network::{Protocol, ServiceType, SessionAffinity, TrafficPolicy};
use restapi_types::{Environment, keys, names};

use crate::ports::MAIN;
use crate::ports_in_use::PortsInUse;
use crate::{Application, Component, labels};

/// The Service `APP-COMPONENT-COLOUR`: always this environment's pods. A worker has none.
#[must_use]
pub fn coloured(
    app: &Application,
    component: &Component,
    environment: Environment,
    in_use: &PortsInUse,
) -> Option<Service> {
    let port = component.port?;
    Some(Service {
        metadata: labels::owned(
            app,
            names::coloured(&app.name, component.name, environment),
            labels::workload(&app.name, component.name, environment),
        ),
        spec: Some(ServiceSpec {
            selector: Some(labels::selector(&app.name, component.name, environment)),
            ports: Some(ports(component, port, None, in_use)),
            type_: Some(ServiceType::ClusterIp.as_str().to_owned()),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

/// The Service `APP-COMPONENT`, as its author wants it, selecting `environment`; `writer` is the manager that may
/// switch it. A worker has none.
#[must_use]
pub fn stable(
    app: &Application,
    component: &Component,
    environment: Environment,
    writer: &str,
    in_use: &PortsInUse,
) -> Option<Service> {
    let own = component.spec.service.clone().unwrap_or_default();
    let port = own.port.unwrap_or(component.port?);
    let mut metadata = labels::owned(
        app,
        names::stable(&app.name, component.name),
        labels::component(&app.name, component.name),
    );
    let mut annotations = own.annotations.unwrap_or_default();
    annotations.insert(keys::WRITER.to_owned(), writer.to_owned());
    metadata.annotations = Some(annotations);
    Some(Service {
        metadata,
        spec: Some(ServiceSpec {
            selector: Some(labels::selector(&app.name, component.name, environment)),
            ports: Some(ports(component, port, own.node_port, in_use)),
            type_: Some(own.type_.unwrap_or_default().as_str().to_owned()),
            load_balancer_class: own.load_balancer_class,
            load_balancer_source_ranges: own.load_balancer_source_ranges,
            external_traffic_policy: own
                .external_traffic_policy
                .map(TrafficPolicy::as_str)
                .map(str::to_owned),
            session_affinity: own
                .session_affinity
                .map(SessionAffinity::as_str)
                .map(str::to_owned),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

/// The component's own port under the number `main`, its extra ports, and the numbers under which pods of earlier
/// revisions still call it.
fn ports(
    component: &Component,
    main: i32,
    node_port: Option<i32>,
    in_use: &PortsInUse,
) -> Vec<ServicePort> {
    let own = ServicePort {
        node_port,
        ..port(MAIN, main, MAIN, component.protocol)
    };
    let mut all = vec![own];
    for extra in component.spec.extra_ports.iter().flatten() {
        let protocol = extra.protocol.unwrap_or(Protocol::Tcp);
        all.push(port(&extra.name, extra.port, &extra.name, protocol));
    }
    for older in in_use.of(component.name) {
        if all.iter().all(|port| port.port != older) {
            let name = format!("{MAIN}-{older}");
            all.push(port(&name, older, MAIN, component.protocol));
        }
    }
    all
}

/// Services target ports by name, so that pods of two revisions with different numbers can be behind one.
fn port(name: &str, number: i32, target: &str, protocol: Protocol) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        app_protocol: protocol.app_protocol().map(str::to_owned),
        port: number,
        target_port: Some(IntOrString::String(target.to_owned())),
        protocol: Some("TCP".to_owned()),
        node_port: None,
    }
}

#[cfg(test)]
mod tests {
    use restapi_types::ComponentName;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    fn both(view: &Value, older: &[i32]) -> (Value, Value) {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        let mut in_use = PortsInUse::default();
        for port in older {
            in_use.add(ComponentName::View, *port);
        }
        let view = &app.components[0];
        (
            json!(coloured(&app, view, Environment::Blue, &in_use)),
            json!(stable(&app, view, Environment::Blue, "w", &in_use)),
        )
    }

    #[test]
    fn the_stable_one_is_as_the_author_wants_it_and_the_coloured_one_never() {
        let (coloured, stable) = both(
            &json!({"port": 3000, "protocol": "GRPC", "service": {
                "type": "LoadBalancer", "port": 80, "nodePort": 30080, "annotations": {"a": "b"},
                "loadBalancerClass": "x/y", "loadBalancerSourceRanges": ["10.0.0.0/8"],
                "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP"}}),
            &[],
        );
        let port = json!({"name": "main", "port": 3000, "targetPort": "main", "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"});
        assert_eq!(coloured["spec"]["ports"], json!([port]));
        assert_eq!(coloured["spec"]["type"], "ClusterIP");
        let mut expected = port;
        expected["port"] = json!(80);
        expected["nodePort"] = json!(30080);
        assert_eq!(stable["spec"]["ports"], json!([expected]));
        assert_eq!(stable["spec"]["type"], "LoadBalancer");
        assert_eq!(stable["spec"]["loadBalancerClass"], "x/y");
        assert_eq!(
            stable["spec"]["loadBalancerSourceRanges"],
            json!(["10.0.0.0/8"])
        );
        assert_eq!(stable["spec"]["externalTrafficPolicy"], "Local");
        assert_eq!(stable["spec"]["sessionAffinity"], "ClientIP");
        assert_eq!(
            stable["metadata"]["annotations"],
            json!({"a": "b", "restapi.dev/writer": "w"})
        );
    }

    #[test]
    fn a_worker_has_none() {
        assert_eq!(both(&json!({"port": 0}), &[80]), (Value::Null, Value::Null));
    }

    #[test]
    fn older_numbers_still_lead_to_the_component() {
        let spec = json!({"port": 3000, "protocol": "TCP", "extraPorts": [{"name": "admin", "port": 9000, "protocol": "HTTP"}]});
        let (coloured, stable) = both(&spec, &[3000, 4000, 9000]);
        let expected = json!([
            {"name": "main", "port": 3000, "targetPort": "main", "protocol": "TCP"},
            {"name": "admin", "port": 9000, "targetPort": "admin", "protocol": "TCP", "appProtocol": "http"},
            {"name": "main-4000", "port": 4000, "targetPort": "main", "protocol": "TCP"},
        ]);
        assert_eq!(coloured["spec"]["ports"], expected);
        assert_eq!(stable["spec"]["ports"], expected);
    }
}
