//! The `ServiceAccount` that an application's pods run as: without rights, and without a token.

use k8s_openapi::api::core::v1::ServiceAccount;
use restapi_types::names;

use crate::{Application, labels};

/// The `ServiceAccount` `APP`.
#[must_use]
pub fn service_account(app: &Application) -> ServiceAccount {
    ServiceAccount {
        metadata: labels::owned(
            app,
            names::application(&app.name),
            labels::application(&app.name),
        ),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
