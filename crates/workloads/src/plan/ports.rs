//! Ports that somebody else put into an object of ours.
//!
//! Server-side apply merges lists of ports by number and protocol. Where somebody changed 3000 into 81, our
//! apply would put 3000 beside it, under the same name, and the API server refuses that: an apply can't
//! remove what another manager owns. So such a list is replaced as a whole first.

use serde_json::Value;

/// The lists of ports in `live` that hold one that is not in `desired`: JSON pointer, and the list as it
/// should be.
pub(super) fn foreign(desired: &Value, live: &Value) -> Vec<(String, Value)> {
    let service = [("/spec/ports".to_owned(), "/spec/ports".to_owned())];
    service
        .into_iter()
        .chain(containers(desired, live))
        .filter_map(|(in_desired, in_live)| {
            let wanted = desired.pointer(&in_desired)?;
            let found = live.pointer(&in_live)?.as_array()?;
            let keys: Vec<_> = wanted.as_array()?.iter().map(key).collect();
            found
                .iter()
                .any(|port| !keys.contains(&key(port)))
                .then(|| (in_live, wanted.clone()))
        })
        .collect()
}

/// Where the ports of each container of a Deployment are, in what is desired and in what is live.
fn containers(desired: &Value, live: &Value) -> Vec<(String, String)> {
    const CONTAINERS: &str = "/spec/template/spec/containers";
    let list = |object: &Value| {
        object
            .pointer(CONTAINERS)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let live = list(live);
    let position = |name: Option<&Value>| live.iter().position(|c| c.get("name") == name);
    list(desired)
        .iter()
        .enumerate()
        .filter_map(|(i, container)| {
            let at = position(container.get("name"))?;
            Some((
                format!("{CONTAINERS}/{i}/ports"),
                format!("{CONTAINERS}/{at}/ports"),
            ))
        })
        .collect()
}

/// What server-side apply tells ports apart by.
fn key(port: &Value) -> (Option<&Value>, Option<&Value>) {
    (
        port.get("port").or_else(|| port.get("containerPort")),
        port.get("protocol"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_lists_with_a_foreign_port_are_replaced() {
        let service = |port: i32| json!({"spec": {"ports": [{"name": "http", "port": port, "protocol": "TCP"}]}});
        assert!(foreign(&service(80), &service(80)).is_empty());
        let expected = (
            "/spec/ports".to_owned(),
            service(80)["spec"]["ports"].clone(),
        );
        assert_eq!(foreign(&service(80), &service(81)), [expected]);
    }

    #[test]
    fn containers_are_found_by_name() {
        let pod =
            |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
        let port = |n: i32| json!([{"containerPort": n, "protocol": "TCP"}]);
        let desired = pod(json!([{"name": "view", "ports": port(3000)}]));
        let live =
            pod(json!([{"name": "other", "ports": port(1)}, {"name": "view", "ports": port(81)}]));
        let expected = (
            "/spec/template/spec/containers/1/ports".to_owned(),
            port(3000),
        );
        assert_eq!(foreign(&desired, &live), [expected]);
    }
}
