//! The ConfigMaps and Secrets whose content reaches a pod.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Container, EnvFromSource, EnvVarSource, PodTemplateSpec, Volume, VolumeProjection,
};
use restapi_types::Environment;

use crate::{Application, Component, config_map, pod};

/// The kinds whose content reaches a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// A `ConfigMap`.
    ConfigMap,
    /// A `Secret`.
    Secret,
}

impl ReferenceKind {
    /// As Kubernetes spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// One object that pods refer to, in the namespace of the application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// What it is.
    pub kind: ReferenceKind,
    /// Its name.
    pub name: String,
    /// Whether pods start without it: every place that refers to it says so.
    pub optional: bool,
}

/// What the pods of `component` refer to, without the ConfigMap of plain values, which is the operator's own.
#[must_use]
pub fn references(app: &Application, component: &Component) -> BTreeSet<Reference> {
    let own = config_map::name(app, component);
    let mut found = in_template(&pod::template(app, component, Environment::Blue));
    found.retain(|r| r.kind != ReferenceKind::ConfigMap || Some(&r.name) != own.as_ref());
    found
}

/// What a pod template refers to in variables and volumes. Pull secrets are none of it: their content reaches the
/// node, not the pod.
#[must_use]
pub fn in_template(template: &PodTemplateSpec) -> BTreeSet<Reference> {
    let mut found = Found::default();
    if let Some(pod) = &template.spec {
        let init = pod.init_containers.iter().flatten();
        for container in init.chain(&pod.containers) {
            found.container(container);
        }
        for volume in pod.volumes.iter().flatten() {
            found.volume(volume);
        }
    }
    let found = found.0.into_iter();
    found
        .map(|((kind, name), optional)| Reference {
            kind,
            name,
            optional,
        })
        .collect()
}

#[derive(Default)]
struct Found(BTreeMap<(ReferenceKind, String), bool>);

impl Found {
    fn add(&mut self, kind: ReferenceKind, name: &str, optional: Option<bool>) {
        if name.is_empty() {
            return;
        }
        let all = self.0.entry((kind, name.to_owned())).or_insert(true);
        *all &= optional.unwrap_or(false);
    }

    fn config_map(&mut self, name: &str, optional: Option<bool>) {
        self.add(ReferenceKind::ConfigMap, name, optional);
    }

    fn secret(&mut self, name: &str, optional: Option<bool>) {
        self.add(ReferenceKind::Secret, name, optional);
    }

    fn container(&mut self, container: &Container) {
        let variables = container.env.iter().flatten();
        for source in variables.filter_map(|v| v.value_from.as_ref()) {
            self.variable(source);
        }
        for source in container.env_from.iter().flatten() {
            self.variables(source);
        }
    }

    fn variable(&mut self, source: &EnvVarSource) {
        if let Some(key) = &source.config_map_key_ref {
            self.config_map(&key.name, key.optional);
        }
        if let Some(key) = &source.secret_key_ref {
            self.secret(&key.name, key.optional);
        }
    }

    fn variables(&mut self, source: &EnvFromSource) {
        if let Some(map) = &source.config_map_ref {
            self.config_map(&map.name, map.optional);
        }
        if let Some(secret) = &source.secret_ref {
            self.secret(&secret.name, secret.optional);
        }
    }

    fn volume(&mut self, volume: &Volume) {
        if let Some(map) = &volume.config_map {
            self.config_map(&map.name, map.optional);
        }
        if let Some(secret) = &volume.secret {
            let name = secret.secret_name.as_deref();
            self.secret(name.unwrap_or_default(), secret.optional);
        }
        let projected = volume.projected.iter();
        for source in projected.flat_map(|p| p.sources.iter().flatten()) {
            self.projection(source);
        }
    }

    fn projection(&mut self, source: &VolumeProjection) {
        if let Some(map) = &source.config_map {
            self.config_map(&map.name, map.optional);
        }
        if let Some(secret) = &source.secret {
            self.secret(&secret.name, secret.optional);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::application;

    #[test]
    fn every_place_is_searched_and_the_operator_s_own_is_left_out() {
        let app = application(
            &json!({"image": "a", "imagePullSecrets": [{"name": "registry"}], "view": {
                "envVars": {"PLAIN": "x"},
                "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c1", "key": "k"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s1", "key": "k", "optional": true}}}],
                "envFrom": [{"configMapRef": {"name": "c2", "optional": true}}, {"secretRef": {"name": "s2"}}],
                "volumes": [
                    {"name": "v1", "configMap": {"name": "c3"}},
                    {"name": "v2", "secret": {"secretName": "s3", "optional": true}},
                    {"name": "v3", "projected": {"sources": [
                        {"configMap": {"name": "c4", "optional": true}}, {"secret": {"name": "s4"}}]}}],
                "initContainers": [{"name": "i", "image": "i", "envFrom": [{"configMapRef": {"name": "c2"}}]}],
                "sidecars": [{"name": "s", "image": "s", "envFrom": [{"secretRef": {"name": "s5"}}]}],
            }})
            .to_string(),
        );
        let found = references(&app, &app.components[0]);
        let found: Vec<_> = found
            .iter()
            .map(|r| (r.kind.as_str(), r.name.as_str(), r.optional))
            .collect();
        assert_eq!(
            found,
            [
                ("ConfigMap", "c1", false),
                ("ConfigMap", "c2", false),
                ("ConfigMap", "c3", false),
                ("ConfigMap", "c4", true),
                ("Secret", "s1", true),
                ("Secret", "s2", false),
                ("Secret", "s3", true),
                ("Secret", "s4", false),
                ("Secret", "s5", false),
            ]
        );
    }
}
