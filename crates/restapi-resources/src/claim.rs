//! PersistentVolumeClaims.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use restapi_types::spec::DeletionPolicy;
use restapi_types::spec::storage::{PersistenceSpec, Retention};
use restapi_types::{Environment, names};

use crate::volumes::DATA;
use crate::{Application, Component, labels};

/// The claim `APP-COMPONENT` that a component's pods share, if they share one. One that is to stay has no owner, so
/// that nothing deletes it with the application.
#[must_use]
pub fn shared(app: &Application, component: &Component) -> Option<PersistentVolumeClaim> {
    let persistence = component.shared_claim()?;
    let mut metadata = labels::owned(
        app,
        names::stable(&app.name, component.name),
        labels::component(&app.name, component.name),
    );
    if !is_deleted(app, persistence) {
        metadata.owner_references = None;
    }
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(spec(persistence)),
        status: None,
    })
}

/// The template of the claims that a component's pods have of their own, if they have.
pub(crate) fn template(
    app: &Application,
    component: &Component,
    environment: Environment,
) -> Option<PersistentVolumeClaim> {
    let persistence = component.claim_per_replica()?;
    Some(PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.to_owned()),
            labels: Some(labels::workload(&app.name, component.name, environment)),
            ..ObjectMeta::default()
        },
        spec: Some(spec(persistence)),
        status: None,
    })
}

/// The name of the claim of a StatefulSet's pod with that number.
#[must_use]
pub fn replica_name(stateful_set: &str, ordinal: i32) -> String {
    format!("{DATA}-{stateful_set}-{ordinal}")
}

/// Whether a claim goes with its application.
#[must_use]
pub fn is_deleted(app: &Application, persistence: &PersistenceSpec) -> bool {
    persistence.retention == Retention::Delete
        && app.spec.deletion_policy != Some(DeletionPolicy::Retain)
}

fn spec(persistence: &PersistenceSpec) -> PersistentVolumeClaimSpec {
    PersistentVolumeClaimSpec {
        access_modes: Some(vec![persistence.access_mode().as_str().to_owned()]),
        resources: Some(VolumeResourceRequirements {
            requests: Some(BTreeMap::from([(
                "storage".to_owned(),
                persistence.size.clone(),
            )])),
            limits: None,
        }),
        storage_class_name: persistence.storage_class_name.clone(),
        ..PersistentVolumeClaimSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::fixtures::application;

    #[rstest]
    #[case("Delete", "Delete", true)]
    #[case("Delete", "Retain", false)]
    #[case("Retain", "Delete", false)]
    #[case("Retain", "Retain", false)]
    fn a_claim_has_an_owner_only_if_it_may_go(
        #[case] retention: &str,
        #[case] policy: &str,
        #[case] has_owner: bool,
    ) {
        let claim = json!({"size": "1Gi", "mountPath": "/data", "retention": retention, "storageClassName": "fast"});
        let app = application(
            &json!({"image": "a", "deletionPolicy": policy, "view": {"persistence": claim}})
                .to_string(),
        );
        let claim = shared(&app, &app.components[0]).unwrap();
        assert_eq!(claim.metadata.name.as_deref(), Some("orders-view"));
        assert_eq!(claim.metadata.owner_references.is_some(), has_owner);
        assert_eq!(
            json!(claim.spec),
            json!({
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "fast",
            })
        );
    }
}
