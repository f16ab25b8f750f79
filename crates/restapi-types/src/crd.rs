//! The `CustomResourceDefinition` as it is installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::RestAPI;

/// The name of the `CustomResourceDefinition`.
pub const NAME: &str = "restapis.restapi.dev";

/// The `CustomResourceDefinition` of `RestAPI`, as `kustomize/crd` installs it.
#[must_use]
pub fn restapi() -> CustomResourceDefinition {
    RestAPI::crd()
}
