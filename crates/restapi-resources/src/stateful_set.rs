//! The StatefulSet of a component whose pods have a claim each.

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
    StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use restapi_types::spec::storage::PersistenceSpec;
use restapi_types::{Environment, names};

use crate::{Application, Component, claim};

/// The StatefulSet with that metadata and those pods.
///
/// Its pods start and stop independently (`Parallel`): they are replicas of one program that answers requests, not
/// members that must join in order. With `OrderedReady` a pod that never becomes ready would also keep Kubernetes
/// from replacing it with a corrected one. An update still replaces them one by one.
pub(crate) fn stateful_set(
    app: &Application,
    component: &Component,
    environment: Environment,
    persistence: &PersistenceSpec,
    metadata: ObjectMeta,
    selector: LabelSelector,
    template: PodTemplateSpec,
) -> StatefulSet {
    StatefulSet {
        metadata,
        spec: Some(StatefulSetSpec {
            replicas: Some(component.replicas),
            selector,
            service_name: Some(names::coloured(&app.name, component.name, environment)),
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: None,
            }),
            persistent_volume_claim_retention_policy: Some(retention(app, persistence)),
            template,
            volume_claim_templates: claim::template(app, component, environment).map(|c| vec![c]),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

/// Fewer replicas never delete data: their number may come back in a minute.
fn retention(
    app: &Application,
    persistence: &PersistenceSpec,
) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    let deleted = if claim::is_deleted(app, persistence) {
        "Delete"
    } else {
        "Retain"
    };
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(deleted.to_owned()),
        when_scaled: Some("Retain".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::fixtures::application;
    use crate::workload::workload;
    use restapi_types::Environment;

    use crate::RenderVersion;

    #[rstest]
    #[case("Delete", "Delete", "Delete")]
    #[case("Delete", "Retain", "Retain")]
    #[case("Retain", "Delete", "Retain")]
    fn each_pod_keeps_a_claim_of_its_own(
        #[case] retention: &str,
        #[case] policy: &str,
        #[case] deleted: &str,
    ) {
        let claim = json!({"size": "1Gi", "mountPath": "/data", "retention": retention, "mode": "PerReplica"});
        let app = application(
            &json!({"image": "a", "deletionPolicy": policy, "view": {"persistence": claim}})
                .to_string(),
        );
        let workload = workload(
            &app,
            &app.components[0],
            Environment::Blue,
            RenderVersion::V1,
        );
        let set = json!(workload.stateful_set().unwrap());
        assert_eq!(set["metadata"]["name"], "orders-view-blue");
        assert_eq!(set["spec"]["serviceName"], "orders-view-blue");
        assert_eq!(
            set["spec"]["persistentVolumeClaimRetentionPolicy"],
            json!({"whenDeleted": deleted, "whenScaled": "Retain"})
        );
        let claims = set["spec"]["volumeClaimTemplates"].as_array().unwrap();
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0]["metadata"]["name"], "data");
        assert!(workload.deployment().is_none());
    }
}
