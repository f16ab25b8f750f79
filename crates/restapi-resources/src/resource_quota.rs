//! The quota of the namespace that an application has to itself.

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec};
use restapi_types::names;

use crate::{Application, labels};

/// The `ResourceQuota` `APP`, where the spec asks for one.
#[must_use]
pub fn resource_quota(app: &Application) -> Option<ResourceQuota> {
    let spec = app.spec.resource_quota.as_ref()?;
    (spec.enabled != Some(false)).then(|| ResourceQuota {
        metadata: labels::owned(
            app,
            names::application(&app.name),
            labels::application(&app.name),
        ),
        spec: Some(ResourceQuotaSpec {
            hard: Some(spec.hard.clone()),
            ..ResourceQuotaSpec::default()
        }),
        status: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::restapi;

    fn quota(fields: &str) -> Option<ResourceQuota> {
        let spec = format!(r#"{{"image": "a", "view": {{}}{fields}}}"#);
        resource_quota(&Application::resolve(&restapi(&spec)).unwrap())
    }

    #[test]
    fn there_is_one_only_where_asked_for() {
        assert_eq!(quota(""), None);
        assert_eq!(
            quota(r#", "resourceQuota": {"enabled": false, "hard": {"pods": 3}}"#),
            None
        );
        insta::assert_yaml_snapshot!(quota(
            r#", "resourceQuota": {"hard": {"pods": 20, "requests.cpu": "4", "limits.memory": "8Gi"}}"#
        ));
    }
}
