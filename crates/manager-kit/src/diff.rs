//! Whether an object that exists says what we want it to say.
//!
//! Server-side apply without a change still costs the API server a write request, so a manager compares
//! first. The comparison is semantic: what the API server adds, normalises or drops is no difference.

use serde_json::{Map, Value};

use crate::quantity;

/// Fields, by their last path segments, whose maps are atomic: one owner sets all of it, so that a foreign
/// key in it is a difference. (Selectors; everything else that we render merges key by key.)
const ATOMIC: &[&str] = &["selector", "matchLabels"];

/// What identifies an item of a list that merges item by item.
const KEYS: &[&str] = &["uid", "name"];

/// The path of the first field of `desired` that `live` does not have or has otherwise. `ignored` are
/// paths such as `metadata.labels.restapi.dev/generation` that are not compared.
///
/// Empty strings, lists and maps count as absent, because the API server drops them.
#[must_use]
pub fn first_difference(desired: &Value, live: &Value, ignored: &[&str]) -> Option<String> {
    compare(&Path::root(ignored), desired, live)
}

/// Where the comparison is.
struct Path<'a> {
    text: String,
    ignored: &'a [&'a str],
}

impl<'a> Path<'a> {
    fn root(ignored: &'a [&'a str]) -> Self {
        Self {
            text: String::new(),
            ignored,
        }
    }

    fn child(&self, name: &str) -> Self {
        let text = if self.text.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.text)
        };
        Self {
            text,
            ignored: self.ignored,
        }
    }

    fn is_ignored(&self) -> bool {
        self.ignored.contains(&self.text.as_str())
    }

    fn is_atomic(&self) -> bool {
        self.text
            .rsplit('.')
            .next()
            .is_some_and(|last| ATOMIC.contains(&last))
    }

    fn is_quantity(&self) -> bool {
        self.text.contains(".resources.requests.") || self.text.contains(".resources.limits.")
    }
}

fn compare(path: &Path<'_>, desired: &Value, live: &Value) -> Option<String> {
    let same = match (desired, live) {
        _ if path.is_ignored() || (is_empty(desired) && is_empty(live)) => true,
        (Value::Object(desired), Value::Object(live)) => return compare_maps(path, desired, live),
        (Value::Array(desired), Value::Array(live)) => return compare_lists(path, desired, live),
        _ if path.is_quantity() => quantity::same(desired, live),
        _ => desired == live,
    };
    (!same).then(|| path.text.clone())
}

fn compare_maps(
    path: &Path<'_>,
    desired: &Map<String, Value>,
    live: &Map<String, Value>,
) -> Option<String> {
    if path.is_atomic()
        && let Some(foreign) = live.keys().find(|key| !desired.contains_key(*key))
    {
        return Some(path.child(foreign).text);
    }
    desired.iter().find_map(|(key, value)| {
        compare(
            &path.child(key),
            value,
            live.get(key).unwrap_or(&Value::Null),
        )
    })
}

fn compare_lists(path: &Path<'_>, desired: &[Value], live: &[Value]) -> Option<String> {
    if desired.is_empty() {
        return Some(path.text.clone());
    }
    let Some(key) = KEYS
        .iter()
        .find(|key| desired.iter().all(|item| item.get(**key).is_some()))
    else {
        return (desired != live).then(|| path.text.clone());
    };
    desired.iter().find_map(|item| {
        let found = live.iter().find(|other| other.get(*key) == item.get(*key));
        let name = item.get(*key).and_then(Value::as_str).unwrap_or_default();
        compare(&path.child(name), item, found.unwrap_or(&Value::Null))
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"a": 1}), None)]
    #[case::server_adds_defaults(json!({"a": 1}), json!({"a": 1, "b": 2}), None)]
    #[case::changed(json!({"spec": {"a": 1}}), json!({"spec": {"a": 2}}), Some("spec.a"))]
    #[case::removed(json!({"spec": {"a": 1}}), json!({"spec": {}}), Some("spec.a"))]
    #[case::server_drops_empty_values(json!({"env": [{"name": "A", "value": ""}], "args": []}), json!({"env": [{"name": "A"}]}), None)]
    #[case::no_words_wanted_but_some(json!({"args": []}), json!({"args": ["x"]}), Some("args"))]
    #[case::empty_wanted_but_full(json!({"env": [{"name": "A", "value": ""}]}), json!({"env": [{"name": "A", "value": "x"}]}), Some("env.A.value"))]
    #[case::zero_is_no_absence(json!({"replicas": 0}), json!({}), Some("replicas"))]
    #[case::foreign_label_is_fine(json!({"labels": {"a": "1"}}), json!({"labels": {"a": "1", "b": "2"}}), None)]
    #[case::foreign_selector_key(json!({"spec": {"selector": {"a": "1"}}}), json!({"spec": {"selector": {"a": "1", "b": "2"}}}), Some("spec.selector.b"))]
    #[case::items_by_name(json!({"c": [{"name": "x", "v": 1}]}), json!({"c": [{"name": "y"}, {"name": "x", "v": 1}]}), None)]
    #[case::item_gone(json!({"c": [{"name": "x", "v": 1}]}), json!({"c": [{"name": "y"}]}), Some("c.x"))]
    #[case::words_in_order(json!({"args": ["a", "b"]}), json!({"args": ["b", "a"]}), Some("args"))]
    #[case::quantities(json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}]}), json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}), None)]
    #[case::other_quantity(json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "1"}}}]}), json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "2"}}}]}), Some("c.x.resources.limits.cpu"))]
    #[case::ignored(json!({"metadata": {"labels": {"g": "2"}}}), json!({"metadata": {"labels": {"g": "1"}}}), None)]
    fn differences(#[case] desired: Value, #[case] live: Value, #[case] expected: Option<&str>) {
        assert_eq!(
            first_difference(&desired, &live, &["metadata.labels.g"]).as_deref(),
            expected
        );
    }
}
