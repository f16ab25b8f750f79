//! Whether an object that exists says what we want it to say.
//!
//! Server-side apply without a change still costs the API server a write request, so a manager compares
//! first. The comparison is semantic: what the API server adds, normalises or drops is no difference.

use kube::core::DynamicObject;
use serde_json::{Map, Value};

use crate::quantity;

/// Fields, by their last path segments, whose maps are atomic: one owner sets all of it, so that a foreign
/// key in it is a difference. (Selectors; everything else that we render merges key by key.)
const ATOMIC: &[&str] = &["selector", "matchLabels"];

/// What identifies an item of a list that merges item by item: the first of these that tells all of them apart.
/// (A volume may be mounted twice, and a route may have two listeners of one Gateway.)
const KEYS: &[&str] = &["uid", "name", "mountPath", "sectionName"];

/// Fields, by their last path segments, that the API server drops when they are 0 or false. In all others these
/// mean something else than nothing.
const DROPPED: &[&str] = &[
    "initialDelaySeconds",
    "minReadySeconds",
    "readOnly",
    "stdin",
    "stdinOnce",
    "tty",
    "hostNetwork",
    "hostPID",
    "hostIPC",
];

/// The path of the first field of `desired`, a whole object, that `live` does not have or has otherwise; its type
/// is not compared. `ignored` are paths such as `metadata.labels.restapi.dev/generation` that are not compared
/// either.
///
/// Empty strings, lists and maps count as absent, because the API server drops them, and so do 0 and false in
/// some fields.
///
/// # Errors
/// When the metadata of `live` can't be written as JSON, which none that came from JSON is.
pub fn first_difference(
    desired: &Value,
    live: &DynamicObject,
    ignored: &[&str],
) -> Result<Option<String>, serde_json::Error> {
    let metadata = serde_json::to_value(&live.metadata)?;
    let mut walk = Walk::new(ignored);
    let fields = desired.as_object().into_iter().flatten();
    let mut differences = fields.filter_map(|(key, value)| match key.as_str() {
        "apiVersion" | "kind" => None,
        "metadata" => walk.at(key, |walk| walk.compare(value, &metadata)),
        _ => walk.field(key, value, live.data.get(key)),
    });
    Ok(differences.next())
}

/// A comparison, and where it is. Most of what is compared is the same: paths are written out for differences only.
struct Walk<'a> {
    path: String,
    ignored: &'a [&'a str],
    /// Whether it is in an item of a list that is written as a whole, so that what else is there is foreign.
    is_in_whole: bool,
}

impl<'a> Walk<'a> {
    const fn new(ignored: &'a [&'a str]) -> Self {
        Self {
            path: String::new(),
            ignored,
            is_in_whole: false,
        }
    }

    /// Goes to the child of that name, and comes back.
    fn at<T>(&mut self, name: &str, visit: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        let seen = visit(self);
        self.path.truncate(length);
        seen
    }

    fn is_ignored(&self) -> bool {
        self.ignored.contains(&self.path.as_str())
    }

    fn is_atomic(&self) -> bool {
        self.ends_in(ATOMIC)
    }

    fn ends_in(&self, names: &[&str]) -> bool {
        let last = self.path.rsplit('.').next();
        last.is_some_and(|last| names.contains(&last))
    }

    fn is_quantity(&self) -> bool {
        self.path.contains(".resources.requests.") || self.path.contains(".resources.limits.")
    }

    /// Whether the API server makes nothing of this value.
    fn is_nothing(&self, value: &Value) -> bool {
        match value {
            Value::Bool(false) => self.ends_in(DROPPED),
            Value::Number(number) => number.as_i64() == Some(0) && self.ends_in(DROPPED),
            other => is_empty(other),
        }
    }

    /// A key of `live` that nobody wants there.
    fn foreign_key<'k>(
        &self,
        desired: &Map<String, Value>,
        live: &'k Map<String, Value>,
    ) -> Option<&'k String> {
        let mut others = live.iter().filter(|(key, _)| !desired.contains_key(*key));
        let found = if self.is_atomic() {
            others.next()
        } else if self.is_in_whole {
            others.find(|(key, value)| !is_default(key, value) && !is_empty(value))
        } else {
            None
        };
        found.map(|(key, _)| key)
    }

    fn compare(&mut self, desired: &Value, live: &Value) -> Option<String> {
        let same = match (desired, live) {
            _ if self.is_ignored() || (self.is_nothing(desired) && self.is_nothing(live)) => true,
            (Value::Object(desired), Value::Object(live)) => return self.maps(desired, live),
            (Value::Array(desired), Value::Array(live)) => return self.lists(desired, live),
            _ if self.is_quantity() => quantity::same(desired, live),
            _ => desired == live,
        };
        (!same).then(|| self.path.clone())
    }

    fn field(&mut self, key: &str, desired: &Value, live: Option<&Value>) -> Option<String> {
        self.at(key, |walk| {
            walk.compare(desired, live.unwrap_or(&Value::Null))
        })
    }

    fn maps(&mut self, desired: &Map<String, Value>, live: &Map<String, Value>) -> Option<String> {
        if let Some(foreign) = self.foreign_key(desired, live) {
            return self.at(foreign, |walk| Some(walk.path.clone()));
        }
        let mut fields = desired.iter();
        fields.find_map(|(key, value)| self.field(key, value, live.get(key)))
    }

    fn lists(&mut self, desired: &[Value], live: &[Value]) -> Option<String> {
        if desired.is_empty() {
            return Some(self.path.clone());
        }
        let mut keys = KEYS.iter();
        let Some(key) = keys.find(|key| !self.is_in_whole && tells_apart(key, desired)) else {
            return self.whole(desired, live);
        };
        desired.iter().find_map(|item| {
            let found = live.iter().find(|other| other.get(*key) == item.get(*key));
            let name = item.get(*key).and_then(Value::as_str).unwrap_or_default();
            self.field(name, item, found)
        })
    }

    /// Compares lists that are written as a whole.
    fn whole(&mut self, desired: &[Value], live: &[Value]) -> Option<String> {
        let before = std::mem::replace(&mut self.is_in_whole, true);
        let mut pairs = desired.iter().zip(live);
        let is_other = desired.len() != live.len()
            || pairs.any(|(item, found)| self.compare(item, found).is_some());
        self.is_in_whole = before;
        is_other.then(|| self.path.clone())
    }
}

/// Whether each of the items has the key, and each another value of it.
fn tells_apart(key: &str, items: &[Value]) -> bool {
    let values: Vec<_> = items.iter().filter_map(|item| item.get(key)).collect();
    let is_new =
        |(at, value): (usize, &&Value)| !values.iter().take(at).any(|other| other == value);
    values.len() == items.len() && values.iter().enumerate().all(is_new)
}

/// Whether the API server adds this to an item of a list that is written as a whole.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "expirationSeconds" => value.as_i64() == Some(3600),
        "defaultMode" => value.as_i64() == Some(420),
        "apiVersion" => value.as_str() == Some("v1"),
        _ => false,
    }
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
    #[case::a_zero_that_the_server_drops(json!({"startupProbe": {"initialDelaySeconds": 0}}), json!({"startupProbe": {}}), None)]
    #[case::such_a_zero_wanted_but_more(json!({"initialDelaySeconds": 0}), json!({"initialDelaySeconds": 5}), Some("initialDelaySeconds"))]
    #[case::more_wanted_but_none(json!({"initialDelaySeconds": 5}), json!({}), Some("initialDelaySeconds"))]
    #[case::a_no_that_the_server_drops(json!({"readOnly": false}), json!({}), None)]
    #[case::a_no_that_means_something(json!({"automountServiceAccountToken": false}), json!({}), Some("automountServiceAccountToken"))]
    #[case::a_volume_mounted_twice(json!({"m": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]}), json!({"m": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]}), None)]
    #[case::one_of_two_mounts_gone(json!({"m": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]}), json!({"m": [{"name": "v", "mountPath": "/a"}]}), Some("m./b"))]
    #[case::defaults_in_items_without_names(json!({"sources": [{"serviceAccountToken": {"path": "t"}}]}), json!({"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}]}), None)]
    #[case::no_default_in_such_an_item(json!({"sources": [{"serviceAccountToken": {"path": "t"}}]}), json!({"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 600}}]}), Some("sources"))]
    #[case::a_foreign_field_in_such_an_item(json!({"ingress": [{"from": [{"a": 1}]}]}), json!({"ingress": [{"from": [{"a": 1}], "ports": [{"port": 1}]}]}), Some("ingress"))]
    #[case::a_foreign_item_deeper_in_it(json!({"ingress": [{"from": [{"name": 1}]}]}), json!({"ingress": [{"from": [{"name": 1}, {"name": 2}]}]}), Some("ingress"))]
    #[case::foreign_label_is_fine(json!({"labels": {"a": "1"}}), json!({"labels": {"a": "1", "b": "2"}}), None)]
    #[case::foreign_selector_key(json!({"spec": {"selector": {"a": "1"}}}), json!({"spec": {"selector": {"a": "1", "b": "2"}}}), Some("spec.selector.b"))]
    #[case::items_by_name(json!({"c": [{"name": "x", "v": 1}]}), json!({"c": [{"name": "y"}, {"name": "x", "v": 1}]}), None)]
    #[case::item_gone(json!({"c": [{"name": "x", "v": 1}]}), json!({"c": [{"name": "y"}]}), Some("c.x"))]
    #[case::words_in_order(json!({"args": ["a", "b"]}), json!({"args": ["b", "a"]}), Some("args"))]
    #[case::quantities(json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}]}), json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}), None)]
    #[case::other_quantity(json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "1"}}}]}), json!({"c": [{"name": "x", "resources": {"limits": {"cpu": "2"}}}]}), Some("c.x.resources.limits.cpu"))]
    #[case::ignored(json!({"metadata": {"labels": {"g": "2"}}}), json!({"metadata": {"labels": {"g": "1"}}}), None)]
    fn differences(#[case] desired: Value, #[case] live: Value, #[case] expected: Option<&str>) {
        let mut walk = Walk::new(&["metadata.labels.g"]);
        assert_eq!(walk.compare(&desired, &live).as_deref(), expected);
        assert!(walk.path.is_empty());
    }

    #[rstest]
    #[case::the_type_is_not_compared(json!({"apiVersion": "v1", "kind": "A"}), None)]
    #[case::metadata(json!({"metadata": {"labels": {"a": "2"}}}), Some("metadata.labels.a"))]
    #[case::the_rest(json!({"metadata": {"labels": {"a": "1"}}, "spec": {"x": 2}}), Some("spec.x"))]
    #[case::same(json!({"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1}}), None)]
    fn objects(#[case] desired: Value, #[case] expected: Option<&str>) {
        let live =
            json!({"metadata": {"name": "a", "labels": {"a": "1"}}, "spec": {"x": 1, "y": 1}});
        let live: DynamicObject = serde_json::from_value(live).unwrap();
        let found = first_difference(&desired, &live, &[]).unwrap();
        assert_eq!(found.as_deref(), expected);
    }
}
