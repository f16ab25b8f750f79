//! What every manager's events have in common.

use kube::ResourceExt as _;
use restapi_types::RestAPI;
use restapi_types::event::ApplicationRef;

/// The application as events refer to it.
#[must_use]
pub fn application(restapi: &RestAPI) -> ApplicationRef {
    ApplicationRef {
        namespace: restapi.namespace().unwrap_or_default(),
        name: restapi.name_any(),
        uid: restapi.uid().unwrap_or_default(),
    }
}
