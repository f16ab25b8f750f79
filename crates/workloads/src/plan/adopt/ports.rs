//! The names of the ports of a Service that was taken over: they stay, see [`Record::ports`].

use crate::adoption::{Record, port_key};
use kube::core::DynamicObject;
use manager_kit::writer::Draft;
use serde_json::{Value, json};

/// Gives the ports of `draft` the names that they had; returns whether any differs from what it would be called.
pub(super) fn keep_names(draft: &mut Draft, record: &Record, live: &DynamicObject) -> bool {
    let Some(Value::Array(ports)) = draft.body.pointer_mut("/spec/ports") else {
        return false;
    };
    // Without a name only where there is no other, says the API server.
    let may_lack_name = ports.len() == 1;
    let mut differ = false;
    for port in ports {
        let name = record.ports.get(&port_key(port));
        let Some(name) = name.filter(|name| may_lack_name || !name.is_empty()) else {
            continue;
        };
        differ |= port.get("name").and_then(Value::as_str).unwrap_or_default() != name;
        let node_port = node_port(live, &port_key(port));
        let Some(port) = port.as_object_mut() else {
            continue;
        };
        if name.is_empty() {
            port.remove("name");
            // Lists whose items have no names are compared as a whole.
            if let Some(number) = node_port {
                port.entry("nodePort").or_insert(number);
            }
        } else {
            port.insert("name".to_owned(), json!(name));
        }
    }
    differ
}

fn node_port(live: &DynamicObject, key: &str) -> Option<Value> {
    let ports = live.data.pointer("/spec/ports")?.as_array()?;
    let port = ports.iter().find(|port| port_key(port) == key)?;
    port.get("nodePort").cloned()
}
