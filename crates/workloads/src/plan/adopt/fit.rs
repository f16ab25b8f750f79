//! Whether a Service can be taken over without anybody who uses it noticing.

use crate::adoption::port_key;
use kube::core::DynamicObject;
use manager_kit::writer::Draft;
use restapi_resources::Component;
use restapi_resources::ports::Ports;
use serde_json::Value;

use super::text;

/// What the spec lacks for the Service to serve on as it does; the fix.
pub(super) fn lacks(component: &Component, draft: &Draft, live: &DynamicObject) -> Option<String> {
    let path = component.name.path();
    let type_ = |service| text(service, "/spec/type").unwrap_or("ClusterIP");
    let (has, wanted) = (type_(&live.data), type_(&draft.body));
    if has != wanted {
        return Some(format!(
            "has the type {has} and the spec asks for {wanted}: set {path}.service.type: {has}"
        ));
    }
    if text(&live.data, "/spec/clusterIP") == Some("None") {
        return Some(
            "is headless, so its clients know the pods' own addresses and ports: make a Service of another name for them, and delete this one"
                .to_owned(),
        );
    }
    let wanted = ports(&draft.body);
    let (names, kept) = (ports(&live.data), wanted.len());
    let missed = names
        .iter()
        .find(|port| !wanted.iter().any(|w| port_key(w) == port_key(port)));
    if let Some(missed) = missed {
        let (key, number) = (port_key(missed), missed.get("port").unwrap_or(&Value::Null));
        return Some(format!(
            "serves on port {key}, and by the spec it would not any more: set {path}.service.port: {number}, or add it to {path}.extraPorts"
        ));
    }
    let is_unnamed = |port: &&Value| port.get("name").is_none();
    (kept > 1 && names.iter().any(is_unnamed)).then(|| {
        format!(
            "has a port without a name, which Kubernetes allows only where it is the only one, and the spec adds others: name it, at a time when refused requests do no harm, or remove {path}.extraPorts"
        )
    })
}

/// Why requests to the Service would miss the component's own pods, were these among those that it selects.
pub(super) fn misses(component: &Component, live: &DynamicObject) -> Option<String> {
    let own = Ports::of(component);
    let hits = |port: &Value| match port.get("targetPort").or_else(|| port.get("port")) {
        Some(Value::String(name)) => own.number(name).is_some(),
        Some(number) => own
            .numbers()
            .any(|own| number.as_i64() == Some(i64::from(own))),
        None => true,
    };
    let missing = ports(&live.data).into_iter().find(|port| !hits(port))?;
    let target = missing.get("targetPort").unwrap_or(&Value::Null);
    Some(format!(
        "selects, by labels that this RestAPI's pods have too, pods that listen on {target}, where these don't: they are not made. Give it a selector that only the old pods match, or set {}.port: {target}",
        component.name.path()
    ))
}

fn ports(service: &Value) -> Vec<&Value> {
    let found = service.pointer("/spec/ports").and_then(Value::as_array);
    found.into_iter().flatten().collect()
}
