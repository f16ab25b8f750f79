//! The probes of a component: the one place that says how a component is asked whether it is well.

use k8s_openapi::api::core::v1::{GRPCAction, HTTPGetAction, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use restapi_types::spec::health::HealthCheckSpec;
use restapi_types::spec::network::Protocol;

use crate::Component;
use crate::ports::MAIN;

/// Where a component answers whether it is healthy.
pub const HEALTH_PATH: &str = "/health";

/// Seconds between two questions whether a pod lives.
const PERIOD: i32 = 10;
/// Seconds between two questions while a pod starts, and whether it is ready: it serves only after the first
/// good answer, and no longer than until the last bad one.
const SHORT_PERIOD: i32 = 2;
/// Seconds after which an answer is too late.
const TIMEOUT: i32 = 2;
/// Bad answers in a row that count.
const FAILURES: i32 = 3;
/// Questions that a start may take: five minutes of them. Liveness is asked only afterwards.
const START_FAILURES: i32 = 150;

/// How a component is asked whether it lives, is ready and has started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probes {
    /// A container that fails it is restarted.
    pub liveness: Option<Probe>,
    /// A pod that fails it gets no requests.
    pub readiness: Option<Probe>,
    /// Until it succeeds, the other two are not asked.
    pub startup: Option<Probe>,
}

/// The probes of a component. A component without a port has only those that its author gives in full.
#[must_use]
pub fn probes(component: &Component) -> Probes {
    let none = HealthCheckSpec::default();
    let spec = component.spec.health_check.as_ref().unwrap_or(&none);
    if spec.enabled == Some(false) {
        return Probes::default();
    }
    let made = |own: &Option<Probe>, fill: fn(&HealthCheckSpec, Probe) -> Probe| {
        let question = || question(component, spec);
        own.clone().or_else(|| Some(fill(spec, question()?)))
    };
    Probes {
        liveness: made(&spec.liveness, liveness),
        readiness: made(&spec.readiness, readiness),
        startup: made(&spec.startup, startup),
    }
}

/// Whom to ask what; nobody, where there is no port.
fn question(component: &Component, spec: &HealthCheckSpec) -> Option<Probe> {
    let number = spec.port.or(component.port)?;
    // By name, so that the question follows the port wherever it goes.
    let port = spec
        .port
        .map_or_else(|| IntOrString::String(MAIN.to_owned()), IntOrString::Int);
    let mut probe = Probe {
        timeout_seconds: Some(spec.timeout_seconds.unwrap_or(TIMEOUT)),
        initial_delay_seconds: spec.initial_delay_seconds,
        ..Probe::default()
    };
    match component.protocol {
        Protocol::Http => {
            probe.http_get = Some(HTTPGetAction {
                path: Some(spec.path.clone().unwrap_or_else(|| HEALTH_PATH.to_owned())),
                port,
                scheme: Some("HTTP".to_owned()),
                ..HTTPGetAction::default()
            });
        }
        Protocol::Grpc => {
            probe.grpc = Some(GRPCAction {
                port: number,
                service: None,
            });
        }
        Protocol::Tcp => probe.tcp_socket = Some(TCPSocketAction { host: None, port }),
    }
    Some(probe)
}

fn liveness(spec: &HealthCheckSpec, question: Probe) -> Probe {
    Probe {
        // The startup probe has waited already.
        initial_delay_seconds: None,
        period_seconds: Some(spec.period_seconds.unwrap_or(PERIOD)),
        failure_threshold: Some(spec.failure_threshold.unwrap_or(FAILURES)),
        ..question
    }
}

fn readiness(spec: &HealthCheckSpec, question: Probe) -> Probe {
    Probe {
        initial_delay_seconds: None,
        period_seconds: Some(spec.period_seconds.unwrap_or(SHORT_PERIOD)),
        failure_threshold: Some(spec.failure_threshold.unwrap_or(FAILURES)),
        success_threshold: spec.success_threshold,
        ..question
    }
}

fn startup(_: &HealthCheckSpec, question: Probe) -> Probe {
    Probe {
        period_seconds: Some(SHORT_PERIOD),
        failure_threshold: Some(START_FAILURES),
        ..question
    }
}

#[cfg(test)]
mod tests {
    use restapi_types::ComponentName;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::application;

    fn of(view: &Value) -> Value {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        let probes = probes(app.component(ComponentName::View).unwrap());
        json!({"liveness": probes.liveness, "readiness": probes.readiness, "startup": probes.startup})
    }

    #[test]
    fn by_default_health_is_asked_and_a_start_may_take_five_minutes() {
        let http = json!({"path": "/health", "port": "main", "scheme": "HTTP"});
        assert_eq!(
            of(&json!({})),
            json!({
                "liveness": {"httpGet": http, "periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 3},
                "readiness": {"httpGet": http, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3},
                "startup": {"httpGet": http, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 150},
            })
        );
    }

    #[test]
    fn settings_go_where_they_have_a_meaning() {
        let set = of(&json!({"healthCheck": {
            "path": "/ok", "port": 9000, "initialDelaySeconds": 7, "periodSeconds": 5,
            "timeoutSeconds": 3, "successThreshold": 2, "failureThreshold": 4}}));
        let http = json!({"path": "/ok", "port": 9000, "scheme": "HTTP"});
        assert_eq!(
            set,
            json!({
                "liveness": {"httpGet": http, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 4},
                "readiness": {"httpGet": http, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 4, "successThreshold": 2},
                "startup": {"httpGet": http, "periodSeconds": 2, "timeoutSeconds": 3, "failureThreshold": 150, "initialDelaySeconds": 7},
            })
        );
    }

    #[rstest]
    #[case(json!({"protocol": "GRPC"}), json!({"grpc": {"port": 3000}}))]
    #[case(json!({"protocol": "TCP"}), json!({"tcpSocket": {"port": "main"}}))]
    #[case(json!({"protocol": "TCP", "healthCheck": {"port": 7}}), json!({"tcpSocket": {"port": 7}}))]
    fn the_protocol_decides_how_it_is_asked(#[case] view: Value, #[case] action: Value) {
        let probes = of(&view);
        for probe in ["liveness", "readiness", "startup"] {
            for (key, value) in action.as_object().unwrap() {
                assert_eq!(&probes[probe][key], value, "{probe}");
            }
        }
    }

    #[rstest]
    #[case(json!({"healthCheck": {"enabled": false, "liveness": {"exec": {"command": ["true"]}}}}))]
    #[case(json!({"port": 0}))]
    #[case(json!({"port": 0, "healthCheck": {"periodSeconds": 5}}))]
    fn there_may_be_none(#[case] view: Value) {
        assert_eq!(
            of(&view),
            json!({"liveness": null, "readiness": null, "startup": null})
        );
    }

    #[test]
    fn a_probe_in_full_replaces_the_one_that_would_be_made() {
        let own = json!({"exec": {"command": ["/alive"]}, "periodSeconds": 30});
        let probes = of(&json!({"healthCheck": {"liveness": own}}));
        assert_eq!(probes["liveness"], own);
        assert_eq!(probes["readiness"]["periodSeconds"], 2);
        let worker = of(&json!({"port": 0, "healthCheck": {"liveness": own}}));
        assert_eq!(worker["liveness"], own);
        assert_eq!(worker["readiness"], Value::Null);
    }
}
