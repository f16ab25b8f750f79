//! How Prometheus finds an application's metrics: by a `PodMonitor`, or, where the cluster does not know that
//! kind, by annotations on Services.

use std::collections::BTreeMap;

use restapi_types::spec::companions::MonitoringSpec;
use restapi_types::{keys, names};
use serde_json::{Value, json};

use crate::ports::{MAIN, METRICS, Ports};
use crate::third_party::{ThirdParty, ThirdPartyKind};
use crate::{Application, Component, labels, selectors};

/// Where metrics are unless the spec says otherwise.
const PATH: &str = "/metrics";

/// Seconds between two collections unless the spec says otherwise.
const INTERVAL: i32 = 30;

/// The `PodMonitor` `APP` for all components, where the spec asks for monitoring and a component can be scraped.
#[must_use]
pub fn pod_monitor(app: &Application) -> Option<ThirdParty> {
    let spec = monitoring(app)?;
    let endpoints: Vec<_> = [METRICS, MAIN]
        .into_iter()
        .filter_map(|port| endpoint(app, spec, port))
        .collect();
    if endpoints.is_empty() {
        return None;
    }
    let mut labels = spec.labels.clone().unwrap_or_default();
    labels.extend(labels::application(&app.name));
    Some(ThirdParty::new(
        ThirdPartyKind::PodMonitor,
        labels::owned(app, names::application(&app.name), labels),
        &json!({
            "selector": selectors::application(&app.name),
            "podMetricsEndpoints": endpoints,
            // Whose metrics they are: without these, the pod's name would be all that tells.
            "podTargetLabels": [keys::INSTANCE, keys::COMPONENT, keys::ENVIRONMENT],
        }),
    ))
}

/// The endpoint for the components that are scraped on that port. A `PodMonitor` selects all pods of the
/// application, so each endpoint keeps its own components: a component that has both ports is scraped once,
/// and a sidecar's port of the same name not at all.
fn endpoint(app: &Application, spec: &MonitoringSpec, port: &str) -> Option<Value> {
    let scraped = |component: &&Component| scraped(component).is_some_and(|(name, _)| name == port);
    let components: Vec<_> = app.components.iter().filter(scraped).collect();
    if components.is_empty() {
        return None;
    }
    // Names of components are letters and digits, so nothing needs escaping.
    let names: Vec<_> = components.iter().map(|c| c.name.as_str()).collect();
    Some(json!({
        "port": port,
        "path": spec.path.as_deref().unwrap_or(PATH),
        "interval": format!("{}s", spec.interval_seconds.unwrap_or(INTERVAL)),
        "relabelings": [
            {
                "sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
                "regex": names.join("|"),
                "action": "keep",
            },
            // A container of the component's name is its own; sidecars have others.
            {
                "sourceLabels": ["__meta_kubernetes_pod_container_name"],
                "regex": names.join("|"),
                "action": "keep",
            },
        ],
    }))
}

/// The annotations of a component's Services of one environment by which a Prometheus without `PodMonitors` finds
/// its metrics; none where there is nothing to find. Not for the stable Service, behind which the same pods stand.
#[must_use]
pub fn scrape_annotations(app: &Application, component: &Component) -> BTreeMap<String, String> {
    let Some((spec, (_, port))) = monitoring(app).zip(scraped(component)) else {
        return BTreeMap::new();
    };
    let path = spec.path.clone().unwrap_or_else(|| PATH.to_owned());
    BTreeMap::from([
        (keys::SCRAPE.to_owned(), "true".to_owned()),
        (keys::SCRAPE_PORT.to_owned(), port.to_string()),
        (keys::SCRAPE_PATH.to_owned(), path),
    ])
}

fn monitoring(app: &Application) -> Option<&MonitoringSpec> {
    let spec = app.spec.monitoring.as_ref()?;
    (spec.enabled != Some(false)).then_some(spec)
}

/// The name and the number of the port that answers with a component's metrics.
fn scraped(component: &Component) -> Option<(&'static str, i32)> {
    let ports = Ports::of(component);
    let name = ports.scraped(component.protocol)?;
    Some((name, ports.number(name)?))
}

#[cfg(test)]
mod tests {
    use restapi_types::ComponentName;

    use super::*;
    use crate::fixtures::restapi;

    fn app(monitoring: &str) -> Application {
        let spec = format!(
            r#"{{"image": "a", "view": {{}}, "controller": {{"port": 9000}}, "repository": {{"protocol": "TCP"}},
                "model": {{"protocol": "GRPC", "extraPorts": [{{"name": "metrics", "port": 9100}}]}},
                "additionalComponents": [{{"name": "worker", "template": {{}}}}],
                "monitoring": {monitoring}}}"#
        );
        Application::resolve(&restapi(&spec)).unwrap()
    }

    #[test]
    fn none_unless_asked_for() {
        assert_eq!(pod_monitor(&app("null")), None);
        assert_eq!(pod_monitor(&app(r#"{"enabled": false}"#)), None);
        let worker = r#"{"image": "a", "view": {"port": 0}, "monitoring": {}}"#;
        let worker = Application::resolve(&restapi(worker)).unwrap();
        assert_eq!(pod_monitor(&worker), None);
    }

    #[test]
    fn each_component_is_scraped_on_one_port() {
        let monitor = pod_monitor(&app("{}")).unwrap();
        insta::assert_yaml_snapshot!(json!(monitor.object));
    }

    #[test]
    fn the_author_s_path_interval_and_labels_stand() {
        let monitor = pod_monitor(&app(
            r#"{"path": "/stats", "intervalSeconds": 5, "labels": {"release": "prometheus"}}"#,
        ))
        .unwrap();
        let monitor = json!(monitor.object);
        let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
        assert_eq!(
            (&endpoint["path"], &endpoint["interval"]),
            (&json!("/stats"), &json!("5s"))
        );
        assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
        assert_eq!(monitor["metadata"]["labels"][keys::INSTANCE], "orders");
    }

    #[test]
    fn services_say_where_the_metrics_are() {
        let app = app(r#"{"path": "/stats"}"#);
        let of = |name| scrape_annotations(&app, app.component(name).unwrap());
        let port = |name| of(name).get(keys::SCRAPE_PORT).cloned();
        assert_eq!(port(ComponentName::Model).as_deref(), Some("9100"));
        assert_eq!(port(ComponentName::Controller).as_deref(), Some("9000"));
        assert_eq!(of(ComponentName::View)[keys::SCRAPE_PATH], "/stats");
        assert!(of(ComponentName::Repository).is_empty());
    }
}
