//! Ports under which a component's peers may still call it.
//!
//! A pod is told its peers' addresses when it is made. When a component gets another port, pods of earlier
//! revisions go on calling the old one, also after the last pod of that component was replaced: until they are
//! gone themselves, the Services listen on both.

use std::collections::{BTreeMap, BTreeSet};

use restapi_types::ComponentName;
use serde_json::Value;

/// The ports that components had in revisions of which pods are still there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortsInUse(BTreeMap<ComponentName, BTreeSet<i32>>);

impl PortsInUse {
    /// Adds one port of a component.
    pub fn add(&mut self, component: ComponentName, port: i32) {
        if port > 0 {
            self.0.entry(component).or_default().insert(port);
        }
    }

    /// Adds every component's port in a revision, whose [`content`](crate::revision::content) this is.
    pub fn add_revision(&mut self, content: &Value) {
        for (name, fields) in content.as_object().into_iter().flatten() {
            let port = fields.get("port").and_then(Value::as_i64);
            let port = port.and_then(|port| i32::try_from(port).ok());
            if let Some((name, port)) = ComponentName::of(name).zip(port) {
                self.add(name, port);
            }
        }
    }

    /// The ports of a component, in order.
    pub fn of(&self, component: ComponentName) -> impl Iterator<Item = i32> {
        self.0.get(&component).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::restapi;
    use crate::{Application, revision};

    #[test]
    fn a_revision_tells_the_port_of_each_component_that_has_one() {
        let app = Application::resolve(&restapi(
            r#"{"image": "a", "view": {"port": 80}, "model": {"port": 0}}"#,
        ))
        .unwrap();
        let mut ports = PortsInUse::default();
        ports.add_revision(&revision::content(&app.components));
        ports.add(ComponentName::View, 8080);
        assert_eq!(
            ports.of(ComponentName::View).collect::<Vec<_>>(),
            [80, 8080]
        );
        assert_eq!(ports.of(ComponentName::Model).count(), 0);
    }
}
