//! The part of an object that one entry of `managedFields` speaks of.

use serde_json::{Map, Value};

/// What `fields`, in the form of `fieldsV1`, selects of `value`. A field without fields of its own is
/// selected whole.
pub fn extract(value: &Value, fields: &Value) -> Value {
    let Some(fields) = fields.as_object().filter(|fields| !fields.is_empty()) else {
        return value.clone();
    };
    match value {
        Value::Object(map) => Value::Object(of_map(map, fields)),
        Value::Array(items) => Value::Array(of_list(items, fields)),
        _ => value.clone(),
    }
}

fn of_map(map: &Map<String, Value>, fields: &Map<String, Value>) -> Map<String, Value> {
    let selected = fields.iter().filter_map(|(key, below)| {
        let name = key.strip_prefix("f:")?;
        Some((name.to_owned(), extract(map.get(name)?, below)))
    });
    selected.collect()
}

fn of_list(items: &[Value], fields: &Map<String, Value>) -> Vec<Value> {
    let select = |item: &Value| {
        fields.iter().find_map(|(key, below)| {
            if let Some(value) = key.strip_prefix("v:") {
                return (parse(value)? == *item).then(|| item.clone());
            }
            let keys = parse(key.strip_prefix("k:")?)?;
            let mut keys = keys.as_object()?.iter();
            keys.all(|(name, value)| item.get(name) == Some(value))
                .then(|| extract(item, below))
        })
    };
    items.iter().filter_map(select).collect()
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exactly_what_was_applied_comes_out() {
        let object = json!({
            "metadata": {"name": "a", "uid": "u", "labels": {"ours": "1", "theirs": "2"}, "finalizers": ["x", "y"]},
            "spec": {"replicas": 3, "selector": {"a": "b"}, "ports": [
                {"port": 80, "protocol": "TCP", "name": "http"}, {"port": 81, "protocol": "TCP"}]},
            "status": {"x": 1},
        });
        let fields = json!({
            "f:metadata": {"f:labels": {"f:ours": {}}, "f:finalizers": {".": {}, "v:\"y\"": {}}},
            "f:spec": {"f:selector": {}, "f:gone": {},
                       "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:name": {}}}},
        });
        assert_eq!(
            extract(&object, &fields),
            json!({
                "metadata": {"labels": {"ours": "1"}, "finalizers": ["y"]},
                "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "name": "http"}]},
            })
        );
    }
}
