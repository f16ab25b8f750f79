//! Parts of a pod in Kubernetes' own form, which the CRD does not describe in full: with their whole
//! schemas it would be larger than the API server takes. Declared is what rules look at; the rest is checked
//! when the RestAPI is rendered, and by a dry run before a new revision's first write.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::values::{LABEL, LABEL_VALUE};
use crate::schema::with_rules;

fn open(properties: &Value) -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": properties})
}

/// An object of which no rule looks at anything.
fn anything() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn text(most: usize) -> Value {
    json!({"type": "string", "maxLength": most})
}

/// The name of a container or a volume.
fn name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 63, "pattern": LABEL})
}

/// What rules look at in a volume.
fn volume() -> Value {
    let token = open(&json!({"audience": text(253)}));
    let sources = json!({"type": "array", "maxItems": 16, "items": open(&json!({"serviceAccountToken": token}))});
    let mut volume = open(&json!({
        "name": name(),
        "hostPath": anything(),
        "projected": open(&json!({"sources": sources})),
    }));
    if let Some(volume) = volume.as_object_mut() {
        volume.insert("required".to_owned(), json!(["name"]));
    }
    volume
}

/// What rules look at in a container.
fn container() -> Value {
    let number = json!({"type": "integer", "minimum": 0, "maximum": 65535});
    let port = open(&json!({"hostPort": number}));
    let mut container = open(&json!({
        "name": name(),
        "ports": {"type": "array", "maxItems": 16, "items": port},
        "securityContext": open(&json!({"privileged": {"type": "boolean"}, "procMount": text(32)})),
    }));
    if let Some(container) = container.as_object_mut() {
        container.insert("required".to_owned(), json!(["name"]));
    }
    container
}

const NO_HOST_PATH: &str = "self.all(v, !has(v.hostPath))";
const NO_FOREIGN_AUDIENCE: &str = "self.all(v, !has(v.projected) || !has(v.projected.sources) || v.projected.sources.all(s, s.?serviceAccountToken.?audience.orValue('') == ''))";
const NO_HOST_PORT: &str =
    "self.all(c, !has(c.ports) || c.ports.all(p, p.?hostPort.orValue(0) == 0))";
const NOT_PRIVILEGED: &str = "self.all(c, !c.?securityContext.?privileged.orValue(false) && c.?securityContext.?procMount.orValue('Default') == 'Default')";

/// A list of `items` that merges by name.
fn by_name(items: &Value, most: usize) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": most,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": items
    })
}

/// An affinity in Kubernetes' own form.
pub(crate) fn affinity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "nodeAffinity": anything(),
            "podAffinity": anything(),
            "podAntiAffinity": anything(),
        }
    })
}

/// Rules of a NetworkPolicy in Kubernetes' own form.
pub(crate) fn network_rules(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 16, "items": anything()})
}

/// Volumes in Kubernetes' own form.
pub(crate) fn volumes(_: &mut SchemaGenerator) -> Schema {
    with_rules(
        by_name(&volume(), 16),
        &[
            (
                NO_HOST_PATH,
                "volumes must not use hostPath, which is the node's: use persistence, emptyDir, configMap, secret or projected",
            ),
            (
                NO_FOREIGN_AUDIENCE,
                "volumes must not ask for a service-account token for another audience: remove audience",
            ),
        ],
    )
}

/// Containers in Kubernetes' own form.
pub(crate) fn containers(_: &mut SchemaGenerator) -> Schema {
    with_rules(
        by_name(&container(), 8),
        &[
            (
                NO_HOST_PORT,
                "a container must not use hostPort, which is the node's: use a Service",
            ),
            (
                NOT_PRIVILEGED,
                "a container must not be privileged, nor unmask /proc: that is the whole node",
            ),
        ],
    )
}

/// A pod template in Kubernetes' own form, which is merged over the generated one.
pub(crate) fn pod_overrides(_: &mut SchemaGenerator) -> Schema {
    let list = |items: Value| json!({"type": "array", "maxItems": 16, "items": items});
    let yes_or_no = json!({"type": "boolean"});
    let entries = |value: Value| json!({"type": "object", "maxProperties": 32, "additionalProperties": value});
    let label = json!({"type": "string", "maxLength": 63, "pattern": LABEL_VALUE});
    let metadata = json!({"type": "object", "properties": {"labels": entries(label), "annotations": entries(text(4096))}});
    let spec = open(&json!({
        "hostNetwork": yes_or_no, "hostPID": yes_or_no, "hostIPC": yes_or_no,
        "nodeName": text(253), "serviceAccountName": text(253), "serviceAccount": text(253),
        "containers": list(container()), "initContainers": list(container()), "volumes": list(volume()),
    }));
    let of = |list: &str, rule: &str| {
        let rule = rule.replacen("self", &format!("self.spec.{list}"), 1);
        format!("(!has(self.spec.{list}) || {rule})")
    };
    let of_containers =
        |list: &str| format!("{} && {}", of(list, NO_HOST_PORT), of(list, NOT_PRIVILEGED));
    let nothing_of_the_node = format!(
        "!has(self.spec) || (!self.spec.?hostNetwork.orValue(false) && !self.spec.?hostPID.orValue(false) && !self.spec.?hostIPC.orValue(false) && !has(self.spec.nodeName) && {} && {} && {})",
        of("volumes", NO_HOST_PATH),
        of_containers("containers"),
        of_containers("initContainers"),
    );
    let no_other_account = format!(
        "!has(self.spec) || (!has(self.spec.serviceAccountName) && !has(self.spec.serviceAccount) && {})",
        of("volumes", NO_FOREIGN_AUDIENCE),
    );
    let schema = Schema::try_from(open(&json!({"metadata": metadata, "spec": spec})));
    with_rules(
        schema.unwrap_or_default(),
        &[
            (
                "!has(self.metadata) || ((!has(self.metadata.labels) || self.metadata.labels.all(k, !k.startsWith('restapi.dev/') && !k.startsWith('app.kubernetes.io/') && k != 'pod-template-hash')) && (!has(self.metadata.annotations) || self.metadata.annotations.all(k, !k.startsWith('restapi.dev/'))))",
                "podOverrides must not set restapi.dev/…, app.kubernetes.io/… or pod-template-hash in labels, nor restapi.dev/… in annotations: these are the operator's",
            ),
            (
                &nothing_of_the_node,
                "podOverrides must not set what is the node's: hostNetwork, hostPID, hostIPC, nodeName, hostPath, hostPort, privileged or procMount",
            ),
            (
                &no_other_account,
                "podOverrides must not set serviceAccountName, nor ask for a token for another audience: use serviceAccount",
            ),
        ],
    )
}
