//! The volumes of a pod, and where its containers find them.

use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, PersistentVolumeClaimVolumeSource, PodSpec, Volume,
    VolumeMount,
};
use restapi_types::names;
use restapi_types::spec::storage::AccessMode;

use crate::security::is_root_writable;
use crate::{Application, Component};

/// The volume of `persistence`.
pub const DATA: &str = "data";

/// The volume at [`TMP_PATH`]. An author's own volume of this name takes its place.
pub const TMP: &str = "tmp";

/// Where programs write what they need no longer than a moment.
pub const TMP_PATH: &str = "/tmp";

/// The author's volumes and the claim that the component's pods share.
#[must_use]
pub fn volumes(app: &Application, component: &Component) -> Vec<Volume> {
    let shared = component.shared_claim().map(|claim| Volume {
        name: DATA.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: names::stable(&app.name, component.name),
            read_only: (claim.access_mode() == AccessMode::ReadOnlyMany).then_some(true),
        }),
        ..Volume::default()
    });
    component
        .parts
        .volumes
        .iter()
        .cloned()
        .chain(shared)
        .collect()
}

/// Where the component's container finds its volumes.
#[must_use]
pub fn mounts(component: &Component) -> Vec<VolumeMount> {
    let data = component.spec.persistence.as_ref().map(|p| VolumeMount {
        name: DATA.to_owned(),
        mount_path: p.mount_path.clone(),
        ..VolumeMount::default()
    });
    let authors = component.spec.volume_mounts.iter().flatten().cloned();
    authors.chain(data).collect()
}

/// Gives every container that can't write its root file system a place where it can write, unless it has one
/// there already. All of a pod's containers see the same.
pub(crate) fn add_tmp(pod: &mut PodSpec) {
    let mut is_used = false;
    for container in pod
        .init_containers
        .iter_mut()
        .flatten()
        .chain(&mut pod.containers)
    {
        if is_root_writable(container) || has_tmp(container) {
            continue;
        }
        is_used = true;
        container
            .volume_mounts
            .get_or_insert_default()
            .push(VolumeMount {
                name: TMP.to_owned(),
                mount_path: TMP_PATH.to_owned(),
                ..VolumeMount::default()
            });
    }
    let volumes = pod.volumes.get_or_insert_default();
    if is_used && volumes.iter().all(|v| v.name != TMP) {
        volumes.push(Volume {
            name: TMP.to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        });
    }
    if volumes.is_empty() {
        pod.volumes = None;
    }
}

fn has_tmp(container: &Container) -> bool {
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .map(|mount| mount.mount_path.trim_end_matches('/'))
        .any(|path| path == TMP_PATH)
}

#[cfg(test)]
mod tests {
    use restapi_types::Environment;
    use serde_json::{Value, json};

    use crate::fixtures::application;
    use crate::pod;

    fn of(view: &Value) -> (Value, Value) {
        let app = application(&json!({"image": "a", "view": view}).to_string());
        let pod = json!(pod::template(&app, &app.components[0], Environment::Blue).spec);
        (
            pod["volumes"].clone(),
            pod["containers"][0]["volumeMounts"].clone(),
        )
    }

    #[test]
    fn a_read_only_root_has_a_tmp() {
        assert_eq!(
            of(&json!({})),
            (
                json!([{"name": "tmp", "emptyDir": {}}]),
                json!([{"name": "tmp", "mountPath": "/tmp"}])
            )
        );
        let writable = json!({"securityContext": {"readOnlyRootFilesystem": false}});
        assert_eq!(of(&writable), (Value::Null, Value::Null));
    }

    #[test]
    fn an_author_s_tmp_takes_its_place() {
        let memory = json!({"name": "tmp", "emptyDir": {"medium": "Memory"}});
        let (volumes, mounts) = of(&json!({"volumes": [memory]}));
        assert_eq!(volumes, json!([memory]));
        assert_eq!(mounts, json!([{"name": "tmp", "mountPath": "/tmp"}]));
        let own = json!([{"name": "v", "mountPath": "/tmp/"}]);
        let (volumes, mounts) =
            of(&json!({"volumes": [{"name": "v", "emptyDir": {}}], "volumeMounts": own}));
        assert_eq!(volumes, json!([{"name": "v", "emptyDir": {}}]));
        assert_eq!(mounts, own);
    }

    #[test]
    fn a_shared_claim_is_a_volume_and_a_claim_per_replica_none() {
        let claim = |mode: &str| json!({"persistence": {"size": "1Gi", "mountPath": "/data", "retention": "Delete", "mode": mode}});
        let (volumes, mounts) = of(&claim("Shared"));
        assert_eq!(
            volumes[0],
            json!({"name": "data", "persistentVolumeClaim": {"claimName": "orders-view"}})
        );
        assert_eq!(mounts[0], json!({"name": "data", "mountPath": "/data"}));
        let (volumes, mounts) = of(&claim("PerReplica"));
        assert_eq!(volumes.as_array().unwrap().len(), 1);
        assert_eq!(mounts[0], json!({"name": "data", "mountPath": "/data"}));
    }
}
