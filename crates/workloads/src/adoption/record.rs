//! What is remembered on a Service that is taken over.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use restapi_types::keys;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long after the last sign of the old pods they still get no new connection for sure: `EndpointSlices` prove
/// the control plane only, and every node's proxy follows about once a second.
const DRAIN: SignedDuration = SignedDuration::from_secs(10);

/// What is remembered on a Service that was, or is being, taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// What it selected before. Absent once nothing is left to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<BTreeMap<String, String>>,
    /// The names of its ports by `NUMBER/PROTOCOL`; empty for a port that has none.
    ///
    /// They stay for good. Proxies find the endpoints of a Service's port by its name: under a new name it has
    /// none until the `EndpointSlices` follow, and requests are refused meanwhile.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, String>,
    /// When it was told to select the `RestAPI`'s pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Timestamp>,
    /// When its `EndpointSlices` were seen without any other pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<Timestamp>,
}

impl Record {
    /// The record of a Service that is taken over as it is.
    #[must_use]
    pub fn before(service: &DynamicObject) -> Self {
        Self {
            selector: Some(selector(&service.data)),
            ports: names(&service.data),
            ..Self::default()
        }
    }

    /// The record on a Service, if it has one. One that nobody can read is made anew.
    #[must_use]
    pub fn on(service: &DynamicObject) -> Option<Self> {
        let text = service.annotations().get(keys::ADOPTED)?;
        Some(serde_json::from_str(text).unwrap_or_else(|_| Self::before(service)))
    }

    /// What the record on a Service of whomever says that it selected before.
    #[must_use]
    pub fn on_any(service: &Service) -> Option<Self> {
        serde_json::from_str(service.annotations().get(keys::ADOPTED)?).ok()
    }

    /// Whether something is left to be done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.selector.is_some()
    }

    /// Whether the Service selected pods with these labels before.
    #[must_use]
    pub fn selected(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        self.selector.as_ref().is_some_and(|s| selects(s, labels))
    }

    /// Whether, at that time, the pods that it selected before are surely not asked any more.
    #[must_use]
    pub fn is_drained(&self, at: Timestamp) -> bool {
        self.converged
            .is_some_and(|since| at.duration_since(since) >= DRAIN)
    }
}

/// Whether a Service with that selector selects pods with these labels: an empty selector selects none.
pub(super) fn selects(
    selector: &BTreeMap<String, String>,
    labels: Option<&BTreeMap<String, String>>,
) -> bool {
    let has = |(key, value)| labels.is_some_and(|labels| labels.get(key) == Some(value));
    !selector.is_empty() && selector.iter().all(has)
}

fn selector(service: &Value) -> BTreeMap<String, String> {
    let found = service.pointer("/spec/selector").cloned();
    found
        .and_then(|selector| serde_json::from_value(selector).ok())
        .unwrap_or_default()
}

fn names(service: &Value) -> BTreeMap<String, String> {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array);
    let name = |port: &Value| Some(port.get("name")?.as_str()?.to_owned());
    let ports = ports.into_iter().flatten();
    ports
        .map(|port| (port_key(port), name(port).unwrap_or_default()))
        .collect()
}

/// What tells the ports of a Service apart: `NUMBER/PROTOCOL`.
#[must_use]
pub fn port_key(port: &Value) -> String {
    let number = port.get("port").and_then(Value::as_i64).unwrap_or_default();
    let protocol = port.get("protocol").and_then(Value::as_str);
    format!("{number}/{}", protocol.unwrap_or("TCP"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(annotation: Option<&str>) -> DynamicObject {
        let annotations = annotation.map(|text| json!({keys::ADOPTED: text}));
        serde_json::from_value(json!({
            "metadata": {"name": "orders-view", "annotations": annotations},
            "spec": {"selector": {"app": "old"}, "ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "name": "dns"}]},
        }))
        .unwrap()
    }

    #[test]
    fn what_was_written_is_read_again() {
        let record = Record {
            moved: Some(Timestamp::constant(7, 0)),
            ..Record::before(&service(None))
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(
            text,
            r#"{"selector":{"app":"old"},"ports":{"53/UDP":"dns","80/TCP":""},"moved":"1970-01-01T00:00:07Z"}"#
        );
        assert_eq!(Record::on(&service(Some(&text))), Some(record));
        assert_eq!(Record::on(&service(None)), None);
    }

    #[test]
    fn a_record_that_was_spoilt_is_made_anew() {
        let spoilt = service(Some("{\"selector\": 7"));
        assert_eq!(Record::on(&spoilt), Some(Record::before(&spoilt)));
    }

    #[test]
    fn no_selector_selects_nothing() {
        let labels = BTreeMap::from([("app".to_owned(), "old".to_owned())]);
        assert!(selects(&labels, Some(&labels)));
        assert!(!selects(&BTreeMap::new(), Some(&labels)));
        assert!(!selects(&labels, Some(&BTreeMap::new())) && !selects(&labels, None));
    }
}
