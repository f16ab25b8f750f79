//! The `ServiceAccounts` that an application's pods run as: without rights, and without a token unless a pod
//! asks for one.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use restapi_types::names;
use restapi_types::spec::companions::ServiceAccountSpec;

use crate::{Application, Component, labels};

/// The `ServiceAccount` `APP` of every component that has none of its own.
#[must_use]
pub fn service_account(app: &Application) -> ServiceAccount {
    account(
        labels::owned(
            app,
            names::application(&app.name),
            labels::application(&app.name),
        ),
        app.spec.service_account.as_ref(),
    )
}

/// The `ServiceAccount` `APP.COMPONENT` of a component that asks for one of its own.
#[must_use]
pub fn component_account(app: &Application, component: &Component) -> Option<ServiceAccount> {
    let spec = component.spec.service_account.as_ref()?;
    let metadata = labels::owned(
        app,
        names::component_account(&app.name, component.name),
        labels::component(&app.name, component.name),
    );
    Some(account(metadata, Some(spec)))
}

/// The name of the account that a component's pods run as.
#[must_use]
pub fn account_name(app: &Application, component: &Component) -> String {
    match component.spec.service_account {
        Some(_) => names::component_account(&app.name, component.name),
        None => names::application(&app.name),
    }
}

/// `automountToken` of the spec is the pod template's business: a pod that anybody else starts under the account
/// gets no token without asking.
fn account(metadata: ObjectMeta, spec: Option<&ServiceAccountSpec>) -> ServiceAccount {
    let annotations = spec.and_then(|spec| spec.annotations.clone());
    ServiceAccount {
        metadata: ObjectMeta {
            annotations,
            ..metadata
        },
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::restapi;

    #[test]
    fn a_component_that_asks_has_an_account_of_its_own() {
        let app = Application::resolve(&restapi(
            r#"{"image": "a", "serviceAccount": {"annotations": {"cloud.example/role": "reader"}, "automountToken": true},
                "model": {"serviceAccount": {}}, "view": {}}"#,
        ))
        .unwrap();
        let [model, view] = app.components.as_slice() else {
            panic!("two components")
        };
        insta::assert_yaml_snapshot!((service_account(&app), component_account(&app, model)));
        assert_eq!(component_account(&app, view), None);
        assert_eq!(account_name(&app, model), "orders.model");
        assert_eq!(account_name(&app, view), "orders");
    }
}
