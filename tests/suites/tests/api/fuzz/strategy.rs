//! Random specs from the schema of the CRD: each field by its type and bounds, or from a pool of values.

use proptest::collection::{btree_map, vec};
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::string::string_regex;
use serde_json::{Map, Value, json};

use super::pools;
use crate::schema::coverage::spec_schema;

/// A field that may be there.
type Field = BoxedStrategy<Option<(String, Value)>>;

thread_local! {
    static SPEC: BoxedStrategy<Value> = value(&spec_schema(), "spec").prop_map(repaired).boxed();
}

/// Specs, most of which admission accepts.
pub fn spec() -> BoxedStrategy<Value> {
    SPEC.with(Clone::clone)
}

/// Fields of which exactly one is set, or at most one.
fn alternatives(path: &str) -> (&'static [&'static str], bool) {
    let name = path.rsplit('.').next().unwrap_or_default();
    match name {
        "liveness" | "readiness" | "startup" => (&["exec", "httpGet", "tcpSocket", "grpc"], true),
        "preStop" | "postStart" => (&["exec", "httpGet", "sleep"], true),
        "valueFrom" => (
            &[
                "configMapKeyRef",
                "secretKeyRef",
                "fieldRef",
                "resourceFieldRef",
            ],
            true,
        ),
        "envFrom" => (&["configMapRef", "secretRef"], true),
        "env" => (&["value", "valueFrom"], true),
        "tls" => (&["secretName", "clusterIssuer"], true),
        "lifecycle" => (&["preStop", "postStart"], true),
        "disruption" => (&["minAvailable", "maxUnavailable"], false),
        "volumeMounts" => (&["subPath", "subPathExpr"], false),
        _ => (&[], false),
    }
}

/// How likely a field is set that may be absent: specs have few of many fields.
fn likelihood(path: &str) -> f64 {
    let field = path.rsplit('.').next();
    match path.matches('.').count() {
        1 if field == Some("image") => 0.95,
        1 if ["model", "view", "controller", "repository"]
            .iter()
            .any(|c| path.ends_with(c)) =>
        {
            0.35
        }
        1 => 0.12,
        2 if is_in_component(path) => 0.1,
        _ => 0.4,
    }
}

fn is_in_component(path: &str) -> bool {
    let slot = path.split('.').nth(1).unwrap_or_default();
    [
        "model",
        "view",
        "controller",
        "repository",
        "additionalComponents",
    ]
    .contains(&slot)
}

/// Values of a field.
fn value(schema: &Value, path: &str) -> BoxedStrategy<Value> {
    if let Some(pool) = pools::at(path) {
        return select(pool).boxed();
    }
    if let Some(words) = schema["enum"].as_array() {
        return select(words.clone()).boxed();
    }
    match schema["type"].as_str() {
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("integer") => number(schema),
        Some("array") => items(schema, path),
        Some("object") if schema.get("additionalProperties").is_some() => entries(schema, path),
        Some("object") => object(schema, path),
        _ => text(schema),
    }
}

/// A bound that the CRD holds as a floating-point number.
fn bound(schema: &Value, keyword: &str) -> i64 {
    let bound = schema[keyword].as_f64().unwrap_or_default();
    format!("{bound:.0}").parse().unwrap_or_default()
}

/// A bound of how many.
fn count(schema: &Value, keyword: &str, otherwise: usize) -> usize {
    let count = schema[keyword].as_u64().map(usize::try_from);
    count.and_then(Result::ok).unwrap_or(otherwise)
}

fn number(schema: &Value) -> BoxedStrategy<Value> {
    let (least, most) = (bound(schema, "minimum"), bound(schema, "maximum"));
    prop_oneof![
        Just(least),
        Just(most),
        least..=most.min(least + 20),
        least..=most
    ]
    .prop_map(Value::from)
    .boxed()
}

/// A text that follows the pattern, if there is one.
fn text(schema: &Value) -> BoxedStrategy<Value> {
    let most = count(schema, "maxLength", 8);
    let least = count(schema, "minLength", 0);
    let pattern = schema["pattern"].as_str().unwrap_or("^[a-z][a-z0-9]{0,7}$");
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let texts = string_regex(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    texts
        .prop_filter("too long", move |text| {
            (least..=most).contains(&text.chars().count())
        })
        .prop_map(Value::from)
        .boxed()
}

fn items(schema: &Value, path: &str) -> BoxedStrategy<Value> {
    let least = count(schema, "minItems", 0);
    let keys: Vec<String> = schema["x-kubernetes-list-map-keys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|key| Some(key.as_str()?.to_owned()))
        .collect();
    vec(value(&schema["items"], path), least..=least.max(3))
        .prop_map(move |mut items| {
            let mut seen = Vec::new();
            items.retain(|item| {
                let key: Vec<&Value> = keys.iter().map(|key| &item[key]).collect();
                let key = json!(key);
                let is_new = keys.is_empty() || !seen.contains(&key);
                seen.push(key);
                is_new
            });
            Value::from(items)
        })
        .boxed()
}

fn entries(schema: &Value, path: &str) -> BoxedStrategy<Value> {
    let keys = select(pools::keys(path).to_vec()).prop_map(str::to_owned);
    btree_map(keys, value(&schema["additionalProperties"], path), 0..=3)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()))
        .boxed()
}

fn object(schema: &Value, path: &str) -> BoxedStrategy<Value> {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (exclusive, exactly_one) = alternatives(path);
    let mut fields: Vec<Field> = Vec::new();
    let mut either: Vec<BoxedStrategy<(String, Value)>> = Vec::new();
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let name = name.clone();
        let pair = value(inner, &path).prop_map({
            let name = name.clone();
            move |value| (name.clone(), value)
        });
        if exclusive.contains(&name.as_str()) {
            either.push(pair.boxed());
        } else if required.contains(&name.as_str()) {
            fields.push(pair.prop_map(Some).boxed());
        } else {
            fields.push(proptest::option::weighted(likelihood(&path), pair).boxed());
        }
    }
    if !either.is_empty() {
        let one = proptest::strategy::Union::new(either);
        fields.push(if exactly_one {
            one.prop_map(Some).boxed()
        } else {
            proptest::option::of(one).boxed()
        });
    }
    fields
        .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
        .boxed()
}

/// The same spec without the contradictions that random fields have most often, so that admission accepts most.
fn repaired(mut spec: Value) -> Value {
    let mut names: Vec<String> = Vec::new();
    for name in ["model", "view", "controller", "repository"] {
        if spec.get(name).is_some() {
            component(&mut spec[name]);
            names.push(name.to_owned());
        }
    }
    for additional in spec["additionalComponents"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        component(&mut additional["template"]);
        names.push(additional["name"].as_str().unwrap_or_default().to_owned());
    }
    if names.is_empty() {
        spec["view"] = json!({});
        names.push("view".to_owned());
    }
    if let Some(spec) = spec.as_object_mut() {
        // Indexing has made nulls of what is absent.
        spec.retain(|_, value| !value.is_null());
        for kind in ["ingress", "gateway"] {
            destinations(spec, kind, &names);
        }
    }
    spec
}

/// Routes lead to what there is, and without a view there are some.
fn destinations(spec: &mut Map<String, Value>, kind: &str, names: &[String]) {
    let Some(entry) = spec.get_mut(kind).and_then(Value::as_object_mut) else {
        return;
    };
    let first = names.first().cloned().unwrap_or_default();
    if !names.iter().any(|name| name == "view") {
        entry
            .entry("routes")
            .or_insert_with(|| json!([{"component": first}]));
    }
    for route in entry
        .get_mut("routes")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if !names.iter().any(|name| route["component"] == name.as_str()) {
            route["component"] = json!(first);
        }
    }
}

fn component(component: &mut Value) {
    let Some(fields) = component.as_object_mut() else {
        return;
    };
    if fields.get("port") == Some(&json!(0)) {
        for field in ["service", "protocol", "exposed"] {
            fields.remove(field);
        }
    }
    let persistence = fields.get("persistence");
    if persistence.is_some_and(|persistence| persistence.get("mode") == Some(&json!("PerReplica")))
    {
        fields.remove("strategy");
    }
    if fields
        .get("affinity")
        .is_some_and(|affinity| affinity.get("podAntiAffinity").is_some())
    {
        fields.remove("antiAffinity");
    }
}
