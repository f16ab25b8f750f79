//! What a revision is: everything of the spec that reaches a pod template, and nothing else.

use restapi_types::ComponentSpec;
use serde_json::{Map, Value, json};

use crate::application::Component;
use crate::canonical;

/// Where the content of a revision has the hash of a component's ConfigMaps and Secrets. No field of a
/// component has this name.
pub const CONFIG: &str = "config";

/// Where the content of a revision has the names of a component's pull secrets.
pub const PULL_SECRETS: &str = "imagePullSecrets";

/// Where the content of a revision says that a component's pods have a token for the API server, whichever of the
/// component and the application asks for it.
pub const TOKEN: &str = "automountToken";

/// What a change of a field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reaches a pod template: a new revision, and new pods.
    Template,
    /// It applies in place: no new revision, no new pods.
    InPlace,
}

/// Every field of a component, in the spec's spelling, and what a change of it does. The application's
/// own fields of the same names are the components' defaults, and have the same effect.
pub const FIELDS: &[(&str, Effect)] = &[
    ("image", Effect::Template),
    ("imagePullPolicy", Effect::Template),
    ("command", Effect::Template),
    ("args", Effect::Template),
    ("replicas", Effect::InPlace),
    ("port", Effect::Template),
    ("protocol", Effect::Template),
    ("extraPorts", Effect::Template),
    ("exposed", Effect::InPlace),
    ("envVars", Effect::Template),
    ("env", Effect::Template),
    ("envFrom", Effect::Template),
    ("networkPolicy", Effect::InPlace),
    ("disruption", Effect::InPlace),
    ("serviceAccount", Effect::Template),
    ("resources", Effect::Template),
    ("resourceProfile", Effect::Template),
    ("persistence", Effect::Template),
    ("service", Effect::InPlace),
    ("strategy", Effect::InPlace),
    ("healthCheck", Effect::Template),
    ("securityContext", Effect::Template),
    ("podSecurityContext", Effect::Template),
    ("affinity", Effect::Template),
    ("antiAffinity", Effect::Template),
    ("topologySpreadConstraints", Effect::Template),
    ("nodeSelector", Effect::Template),
    ("tolerations", Effect::Template),
    ("priorityClassName", Effect::Template),
    ("lifecycle", Effect::Template),
    ("terminationGracePeriodSeconds", Effect::Template),
    ("volumes", Effect::Template),
    ("volumeMounts", Effect::Template),
    ("initContainers", Effect::Template),
    ("sidecars", Effect::Template),
    ("podLabels", Effect::Template),
    ("podAnnotations", Effect::Template),
    ("podOverrides", Effect::Template),
];

/// Fields of fields that apply in place although the field as a whole reaches a pod template.
pub(crate) const IN_PLACE_INSIDE: &[(&str, &str)] = &[
    ("persistence", "size"),
    ("persistence", "retention"),
    ("persistence", "storageClassName"),
    ("persistence", "accessMode"),
    ("serviceAccount", "annotations"),
    // Said once for the pods, below.
    ("serviceAccount", "automountToken"),
];

/// The application's own fields that are no component's, and what a change of them does.
pub const OWN_FIELDS: &[(&str, Effect)] = &[
    ("imagePullSecrets", Effect::Template),
    ("additionalComponents", Effect::Template),
    ("ingress", Effect::InPlace),
    ("gateway", Effect::InPlace),
    ("resourceQuota", Effect::InPlace),
    ("monitoring", Effect::InPlace),
    ("blueGreen", Effect::InPlace),
    ("paused", Effect::InPlace),
    ("deletionPolicy", Effect::InPlace),
];

/// What of these components reaches a pod template, by component: the content of a revision.
#[must_use]
pub fn content(components: &[Component]) -> Value {
    components
        .iter()
        .map(|c| (c.name.as_str().to_owned(), template_fields(c)))
        .collect::<Map<_, _>>()
        .into()
}

/// The revision of these components: the hash of its [`content`].
#[must_use]
pub fn of(components: &[Component]) -> String {
    canonical::hash(&content(components))
}

/// The fields of one component that [`FIELDS`] gives the effect `Template`, and the hash of the
/// configuration that its pods refer to.
fn template_fields(component: &Component) -> Value {
    let explicit = ComponentSpec {
        image: Some(component.image.clone()),
        port: Some(component.port.unwrap_or(0)),
        ..component.spec.clone()
    };
    let mut fields = json!(explicit);
    if let Value::Object(map) = &mut fields {
        map.retain(|field, _| FIELDS.contains(&(field.as_str(), Effect::Template)));
        for (field, inner) in IN_PLACE_INSIDE {
            if let Some(Value::Object(inside)) = map.get_mut(*field) {
                inside.remove(*inner);
            }
        }
        if !component.pull_secrets.is_empty() {
            map.insert(PULL_SECRETS.to_owned(), json!(component.pull_secrets));
        }
        if component.automount_token {
            map.insert(TOKEN.to_owned(), json!(true));
        }
        if let Some(hash) = &component.config {
            map.insert(CONFIG.to_owned(), json!(hash));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use restapi_types::Environment;

    use crate::fixtures::{SPEC, application, restapi};
    use crate::{Application, pod};

    fn revision(change: impl FnOnce(&mut Value)) -> String {
        let mut spec: Value = serde_json::from_str(SPEC).unwrap();
        change(&mut spec);
        Application::resolve(&restapi(&spec.to_string()))
            .unwrap()
            .revision
    }

    fn properties(of: &str) -> BTreeSet<String> {
        let crd = json!(restapi_types::crd::restapi());
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        let fields = spec.pointer(of).unwrap().as_object().unwrap();
        fields.keys().cloned().collect()
    }

    #[test]
    fn every_field_of_the_schema_is_in_the_table() {
        let known: BTreeSet<_> = FIELDS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(properties("/properties/model/properties"), known);
        let own: BTreeSet<_> = OWN_FIELDS
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for field in properties("/properties") {
            let is_component = restapi_types::ComponentName::parse(&field).is_some();
            assert!(
                is_component || known.contains(&field) || own.contains(&field),
                "spec.{field} is not in the table"
            );
        }
    }

    /// A value of each field of a component that differs from what the fixture has.
    fn changes() -> Vec<(&'static str, Value)> {
        vec![
            ("image", json!("other:1")),
            ("imagePullPolicy", json!("Always")),
            ("command", json!(["/other"])),
            ("args", json!(["--other"])),
            ("replicas", json!(7)),
            ("port", json!(9999)),
            ("protocol", json!("TCP")),
            ("extraPorts", json!([{"name": "metrics", "port": 9}])),
            ("exposed", json!(true)),
            ("envVars", json!({"OTHER": "1"})),
            ("env", json!([{"name": "OTHER", "value": "1"}])),
            ("envFrom", json!([{"configMapRef": {"name": "c"}}])),
            ("networkPolicy", json!({"enabled": false})),
            ("disruption", json!({"minAvailable": 1})),
            ("serviceAccount", json!({"automountToken": true})),
            ("resources", json!({"limits": {"cpu": "9"}})),
            ("resourceProfile", json!("Balanced")),
            (
                "persistence",
                json!({"size": "1Gi", "mountPath": "/data", "retention": "Delete"}),
            ),
            ("service", json!({"type": "NodePort"})),
            ("strategy", json!({"maxSurge": 2})),
            ("healthCheck", json!({"path": "/ok"})),
            ("securityContext", json!({"runAsUser": 7})),
            ("podSecurityContext", json!({"fsGroup": 7})),
            ("affinity", json!({"nodeAffinity": {}})),
            ("antiAffinity", json!("Required")),
            (
                "topologySpreadConstraints",
                json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
            ),
            ("nodeSelector", json!({"disk": "ssd"})),
            ("tolerations", json!([{"operator": "Exists"}])),
            ("priorityClassName", json!("high")),
            ("lifecycle", json!({"preStop": {"sleep": {"seconds": 9}}})),
            ("terminationGracePeriodSeconds", json!(90)),
            ("volumes", json!([{"name": "v", "emptyDir": {}}])),
            // Every pod has this volume.
            ("volumeMounts", json!([{"name": "tmp", "mountPath": "/v"}])),
            ("initContainers", json!([{"name": "i", "image": "i:1"}])),
            ("sidecars", json!([{"name": "s", "image": "s:1"}])),
            ("podLabels", json!({"team": "a"})),
            ("podAnnotations", json!({"team": "a"})),
            ("podOverrides", json!({"spec": {"dnsPolicy": "Default"}})),
        ]
    }

    /// Everything that pods are made from: their templates and the values that these name by their hash.
    fn templates(change: impl FnOnce(&mut Value)) -> Value {
        let mut spec: Value = serde_json::from_str(SPEC).unwrap();
        // With explicit resources a profile stands for nothing.
        spec["model"]["resources"] = Value::Null;
        change(&mut spec);
        let app = application(&spec.to_string());
        let templates = app
            .components
            .iter()
            .map(|c| pod::template(&app, c, Environment::Blue));
        json!(templates.collect::<Vec<_>>())
    }

    /// Without this, a change would wait for the next one, or restart pods that no revision explains.
    #[test]
    fn a_change_reaches_a_pod_template_exactly_when_it_makes_a_new_revision() {
        let before = templates(|_| ());
        for (field, value) in changes() {
            let is_other = templates(|spec| spec["model"][field] = value) != before;
            let is_new = FIELDS.contains(&(field, Effect::Template));
            assert_eq!(is_other, is_new, "model.{field}");
        }
        let token = json!({"automountToken": true});
        let account = |spec: &mut Value| spec["serviceAccount"] = token.clone();
        assert_ne!(templates(account), before);
        assert_ne!(revision(account), revision(|_| ()));
    }

    #[test]
    fn a_change_makes_a_new_revision_exactly_when_the_table_says_so() {
        let before = revision(|_| ());
        assert_eq!(changes().len(), FIELDS.len());
        for (field, value) in changes() {
            let is_new = revision(|spec| spec["model"][field] = value) != before;
            assert_eq!(
                is_new,
                FIELDS.contains(&(field, Effect::Template)),
                "model.{field}"
            );
        }
        assert_eq!(revision(|spec| spec["replicas"] = json!(9)), before);
        assert_ne!(
            revision(|spec| spec["imagePullSecrets"] = json!([{"name": "s"}])),
            before
        );
    }

    #[test]
    fn of_some_fields_a_part_applies_in_place() {
        let claim = |size: &str, retention: &str| {
            let claim = json!({"size": size, "mountPath": "/data", "retention": retention});
            revision(|spec| spec["model"]["persistence"] = claim)
        };
        assert_eq!(claim("1Gi", "Delete"), claim("2Gi", "Retain"));
        let account = |annotation: &str| {
            let account = json!({"annotations": {"a": annotation}});
            revision(|spec| spec["model"]["serviceAccount"] = account)
        };
        assert_eq!(account("b"), account("c"));
    }

    #[test]
    fn the_hash_of_the_configuration_is_a_part_of_the_revision() {
        let app = Application::resolve(&restapi(SPEC)).unwrap();
        let before = app.revision.clone();
        let pinned = app.pinned(|c| (c.name.as_str() == "view").then(|| "abc".to_owned()));
        assert_ne!(pinned.revision, before);
        assert_eq!(pinned.pinned(|_| None).revision, before);
    }

    #[test]
    fn spelling_out_what_is_inherited_is_the_same_revision() {
        let before = revision(|_| ());
        assert_eq!(
            revision(|spec| spec["view"]["image"] = spec["image"].clone()),
            before
        );
        assert_eq!(revision(|spec| spec["view"]["port"] = json!(3000)), before);
    }
}
