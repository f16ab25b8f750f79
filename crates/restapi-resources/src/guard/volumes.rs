//! Rules about volumes and where they are mounted.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Volume};
use serde_json::{Value, json};

use super::{Rule, Subject};
use crate::volumes::DATA;

/// The sources of volumes that the restricted Pod Security Standard allows.
const ALLOWED: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        broken: |s| found(s, |v| !is_allowed(v)),
        problem: "is of a kind that pods may not have, or of none",
        fix: "use one of configMap, csi, downwardAPI, emptyDir, ephemeral, persistentVolumeClaim, projected and secret",
    },
    Rule {
        broken: |s| found(s, has_foreign_audience),
        problem: "asks for a service-account token for another audience",
        fix: "remove audience",
    },
    Rule {
        broken: reserved,
        problem: "has the name of the volume that persistence makes",
        fix: "choose another name",
    },
    Rule {
        broken: mounted,
        problem: "mounts a volume that does not exist",
        fix: "add it to volumes, or correct the name",
    },
    Rule {
        broken: twice,
        problem: "mounts two volumes at one path",
        fix: "give each volume a path of its own",
    },
    Rule {
        broken: propagated,
        problem: "mountPropagation other than None reaches the node's own mounts",
        fix: "remove mountPropagation",
    },
];

fn found(subject: &Subject<'_>, is: fn(&Volume) -> bool) -> Option<String> {
    let volumes = subject.pod.volumes.iter().flatten();
    let volume = volumes.into_iter().find(|volume| is(volume))?;
    Some(subject.origin.volume(&volume.name))
}

/// Exactly one source, and an allowed one. By name, so that a source that a later Kubernetes adds is not allowed
/// before somebody has looked at it.
fn is_allowed(volume: &Volume) -> bool {
    let Value::Object(mut fields) = json!(volume) else {
        return false;
    };
    fields.remove("name");
    let mut sources = fields.keys();
    let first = sources.next();
    first.is_some_and(|source| ALLOWED.contains(&source.as_str())) && sources.next().is_none()
}

fn has_foreign_audience(volume: &Volume) -> bool {
    let projected = volume.projected.iter();
    let mut sources = projected.flat_map(|p| p.sources.iter().flatten());
    sources.any(|source| {
        let token = source.service_account_token.as_ref();
        let audience = token.and_then(|t| t.audience.as_deref());
        audience.is_some_and(|audience| !audience.is_empty())
    })
}

fn reserved(subject: &Subject<'_>) -> Option<String> {
    subject.component.spec.persistence.as_ref()?;
    let parts = &subject.component.parts;
    let overrides = parts.overrides.iter().filter_map(|o| o.spec.as_ref());
    let overrides = overrides.flat_map(|s| s.volumes.iter().flatten());
    let mut all = parts.volumes.iter().chain(overrides);
    let volume = all.find(|v| v.name == DATA)?;
    Some(subject.origin.volume(&volume.name))
}

/// The first mount for which this is true.
fn mount(subject: &Subject<'_>, is: impl Fn(&Container, usize) -> bool) -> Option<String> {
    let own = subject.component.name.as_str();
    subject.containers().find_map(|(path, container)| {
        let mounts = container.volume_mounts.as_deref().unwrap_or_default();
        let index = (0..mounts.len()).find(|index| is(container, *index))?;
        let name = &mounts.get(index)?.name;
        let is_own = container.name == own && path == subject.component.name.path();
        let path = if is_own {
            subject.component.name.path()
        } else {
            path
        };
        Some(format!("{path}.volumeMounts[{name}]"))
    })
}

fn mounted(subject: &Subject<'_>) -> Option<String> {
    let volumes = subject
        .pod
        .volumes
        .iter()
        .flatten()
        .map(|v| v.name.as_str());
    let own = subject.component.claim_per_replica().map(|_| DATA);
    let names: BTreeSet<_> = volumes.chain(own).collect();
    mount(subject, |container, index| {
        let mounts = container.volume_mounts.iter().flatten();
        let name = mounts.map(|m| m.name.as_str()).nth(index);
        name.is_some_and(|name| !names.contains(name))
    })
}

fn twice(subject: &Subject<'_>) -> Option<String> {
    mount(subject, |container, index| {
        let mut paths = container
            .volume_mounts
            .iter()
            .flatten()
            .map(|m| m.mount_path.trim_end_matches('/'));
        let before: Vec<_> = paths.by_ref().take(index).collect();
        paths.next().is_some_and(|path| before.contains(&path))
    })
}

fn propagated(subject: &Subject<'_>) -> Option<String> {
    mount(subject, |container, index| {
        let mut mounts = container.volume_mounts.iter().flatten();
        let propagation = mounts.nth(index).and_then(|m| m.mount_propagation.as_ref());
        propagation.is_some_and(|p| p != "None")
    })
}
