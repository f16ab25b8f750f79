//! The schemas of events, as they are checked in under `docs/events`.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{CONTENT_TYPE, Event, EventKind, STREAM, subject};

/// The JSON Schema of each kind of event on the wire.
#[must_use]
pub fn schemas() -> Vec<(EventKind, Value)> {
    EventKind::ALL
        .into_iter()
        .map(|kind| (kind, of(kind)))
        .collect()
}

fn of(kind: EventKind) -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema: Schema = SchemaGenerator::new(settings).into_root_schema_for::<Event>();
    let name = kind.as_str();
    schema.insert("title".to_owned(), name.into());
    schema.insert("description".to_owned(), kind.meaning().into());
    for (field, value) in [
        ("specversion", "1.0"),
        ("source", &format!("restapi.dev/{}", kind.manager())),
        ("type", &format!("dev.restapi.{name}.v1")),
        ("datacontenttype", "application/json"),
    ] {
        let field = schema.pointer_mut(&format!("/properties/{field}"));
        if let Some(field) = field.and_then(Value::as_object_mut) {
            field.insert("const".to_owned(), value.into());
        }
    }
    schema.to_value()
}

/// The `AsyncAPI` document of all events: who tells what, on which subject.
#[must_use]
pub fn asyncapi() -> Value {
    let mut channels = serde_json::Map::new();
    let mut operations = serde_json::Map::new();
    for kind in EventKind::ALL {
        let name = kind.as_str();
        let parameters = json!({
            "namespace": {"description": "The namespace of the RestAPI."},
            "name": {"description": "The name of the RestAPI."},
        });
        let message = json!({
            "name": name,
            "title": kind.meaning(),
            "contentType": CONTENT_TYPE,
            "payload": {"$ref": format!("./{name}.json")},
        });
        let channel = json!({
            "address": subject("{namespace}", "{name}", kind),
            "description": kind.meaning(),
            "parameters": parameters,
            "messages": {"event": message},
        });
        let operation = json!({
            "action": "send",
            "channel": {"$ref": format!("#/channels/{name}")},
            "summary": format!("{} tells it.", kind.manager()),
            "bindings": {"nats": {"bindingVersion": "0.1.0"}},
        });
        channels.insert(name.to_owned(), channel);
        operations.insert(name.to_owned(), operation);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of the RestAPI operator",
            "version": "1.0.0",
            "description": format!(
                "CloudEvents 1.0 in the JetStream stream {STREAM}. They are hints: whoever receives one reads the object again."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "servers": {
            "nats": {
                "host": "nats.nats.svc:4222",
                "protocol": "nats",
                "description": "As deploy/nats installs it: TLS, and a client certificate for each who connects.",
            },
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_schema_that_takes_no_other() {
        for (kind, schema) in schemas() {
            let wanted = format!("dev.restapi.{}.v1", kind.as_str());
            assert_eq!(schema["properties"]["type"]["const"], wanted.as_str());
            let required = schema["required"].as_array().unwrap();
            assert!(required.contains(&"id".into()) && required.contains(&"data".into()));
            assert!(schema["properties"]["data"]["properties"]["application"].is_object());
        }
    }

    #[test]
    fn asyncapi_speaks_of_each_kind() {
        let document = asyncapi();
        for kind in EventKind::ALL {
            let channel = &document["channels"][kind.as_str()];
            let address = channel["address"].as_str().unwrap();
            assert!(address.ends_with(kind.as_str()), "{address}");
            assert!(document["operations"][kind.as_str()].is_object());
        }
    }
}
