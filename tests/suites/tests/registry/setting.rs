//! What the tests of this suite share.

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use serde_json::json;
use suites::env::variable;
use suites::namespace::Namespace;

/// The reference of the demo's image in the registry.
pub(crate) fn image() -> Result<String> {
    variable("RESTAPI_TEST_PRIVATE_IMAGE")
}

/// Makes the Secret `name`, with which the image can be pulled.
pub(crate) async fn pull_secret(namespace: &Namespace, name: &str) -> Result<()> {
    let registry = variable("RESTAPI_TEST_REGISTRY")?;
    let login = json!({
        "username": variable("RESTAPI_TEST_REGISTRY_USER")?,
        "password": variable("RESTAPI_TEST_REGISTRY_PASSWORD")?,
    });
    let secret = serde_json::from_value(json!({
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json!({"auths": {registry: login}}).to_string()},
    }))?;
    let api = namespace.api::<Secret>();
    api.create(&PostParams::default(), &secret).await?;
    Ok(())
}
