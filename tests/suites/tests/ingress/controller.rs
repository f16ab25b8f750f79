//! The controller itself: it serves what an Ingress and a route of a Gateway say, encrypted and not, and
//! nothing else. What the other tests of this suite see means something only because of this one.

use anyhow::Result;
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::PostParams;
use serde_json::json;
use suites::authority::Authority;
use suites::front;
use suites::namespace;
use suites::plain;

use crate::setting::{self, CLASS, answers};

/// The node of the cluster.
const NODE: &str = "node-1";

#[tokio::test]
async fn an_ingress_leads_to_pods_encrypted_and_not() -> Result<()> {
    namespace::with("ingress", async |namespace| {
        let host = format!("{}.test", namespace.name);
        plain::pod(&namespace, "server", NODE, &setting::demo()?).await?;
        plain::service(&namespace, "server").await?;
        let authority = Authority::new()?;
        setting::secret(&namespace, "certificate", &authority.issue(&host)?).await?;
        let backend = json!({"service": {"name": "server", "port": {"number": plain::PORT}}});
        let ingress: Ingress = serde_json::from_value(json!({
            "metadata": {"name": "server"},
            "spec": {
                "ingressClassName": CLASS,
                "tls": [{"hosts": [host], "secretName": "certificate"}],
                "rules": [{"host": host, "http": {"paths": [
                    {"path": "/health", "pathType": "Prefix", "backend": backend},
                ]}}],
            },
        }))?;
        let api = namespace.api::<Ingress>();
        api.create(&PostParams::default(), &ingress).await?;

        let (plain, encrypted) = (setting::http()?, setting::https()?);
        answers("the path is served", 200, async || {
            front::get(plain, &host, "/health").await
        })
        .await?;
        let tls = async || front::get_encrypted(encrypted, &host, "/health", &authority).await;
        answers("it is served encrypted as well", 200, tls).await?;
        let other = front::get(plain, &host, "/elsewhere").await?;
        assert_eq!(other.0, 404, "a path that the Ingress doesn't name");
        let other = front::get(plain, "other.test", "/health").await?;
        assert_eq!(other.0, 404, "a host that no Ingress names");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_route_of_a_gateway_leads_to_pods() -> Result<()> {
    namespace::with("gateway", async |namespace| {
        let host = format!("{}.test", namespace.name);
        plain::pod(&namespace, "server", NODE, &setting::demo()?).await?;
        plain::service(&namespace, "server").await?;
        let listener = json!({"name": "web", "protocol": "HTTP", "port": setting::http()?.port()});
        let gateway = json!({"gatewayClassName": CLASS, "listeners": [listener]});
        setting::create(&namespace, "Gateway", "front", gateway).await?;
        let route = json!({
            "parentRefs": [{"name": "front"}],
            "hostnames": [host],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/health"}}],
                "backendRefs": [{"name": "server", "port": plain::PORT}],
            }],
        });
        setting::create(&namespace, "HTTPRoute", "server", route).await?;
        let address = setting::http()?;
        answers("the route is served", 200, async || {
            front::get(address, &host, "/health").await
        })
        .await?;
        let other = front::get(address, &host, "/elsewhere").await?;
        assert_eq!(other.0, 404, "a path that the route doesn't name");
        Ok(())
    })
    .await
}
