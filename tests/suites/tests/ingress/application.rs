//! An application of the operator behind the front door.

use anyhow::{Result, ensure};
use restapi_types::ComponentName;
use serde_json::{Value, json};
use suites::app::App;
use suites::authority::Authority;
use suites::chain;
use suites::front;
use suites::namespace::{self, Namespace};

use crate::setting::{self, CLASS, answers};

/// The application `orders` with these fields more.
async fn orders(namespace: &Namespace, more: Value) -> Result<App> {
    let app = App::orders(namespace, &setting::demo()?).await?;
    app.change(more).await?;
    app.ready().await?;
    Ok(app)
}

#[tokio::test]
async fn an_ingress_leads_to_the_view_by_default_encrypted_and_not() -> Result<()> {
    namespace::with("front", async |namespace| {
        let host = format!("{}.test", namespace.name);
        let authority = Authority::new()?;
        setting::secret(&namespace, "certificate", &authority.issue(&host)?).await?;
        let ingress = json!({
            "className": CLASS, "hosts": [host], "tls": {"secretName": "certificate"},
        });
        orders(&namespace, json!({"ingress": ingress})).await?;
        let (plain, encrypted) = (setting::http()?, setting::https()?);
        let path = "/api/chain";
        let open = async || front::get(plain, &host, path).await;
        let body = answers("the view is served", 200, open).await?;
        chain::whole(&serde_json::from_str(&body)?, ComponentName::View)?;
        let tls = async || front::get_encrypted(encrypted, &host, path, &authority).await;
        let body = answers("it is served encrypted as well", 200, tls).await?;
        chain::whole(&serde_json::from_str(&body)?, ComponentName::View)?;
        let (code, _) = front::get(plain, "other.test", path).await?;
        ensure!(
            code == 404,
            "a host that it doesn't name is answered {code}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn paths_lead_to_the_components_that_they_name() -> Result<()> {
    namespace::with("paths", async |namespace| {
        let host = format!("{}.test", namespace.name);
        let routes = json!([
            {"component": "model", "path": "/chain", "pathType": "Exact"},
            {"component": "view", "path": "/api"},
        ]);
        let ingress = json!({"className": CLASS, "hosts": [host], "routes": routes});
        orders(&namespace, json!({"ingress": ingress})).await?;
        let address = setting::http()?;
        let ways = [
            ("/chain", ComponentName::Model),
            ("/api/chain", ComponentName::View),
        ];
        for (path, first) in ways {
            let ask = async || front::get(address, &host, path).await;
            let body = answers(&format!("{path} is served"), 200, ask).await?;
            chain::whole(&serde_json::from_str(&body)?, first)?;
        }
        let (code, _) = front::get(address, &host, "/health").await?;
        ensure!(
            code == 404,
            "a path that it doesn't name is answered {code}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_route_of_a_gateway_leads_to_the_view_by_default() -> Result<()> {
    namespace::with("routes", async |namespace| {
        let host = format!("{}.test", namespace.name);
        let listener = json!({"name": "web", "protocol": "HTTP", "port": setting::http()?.port()});
        let gateway = json!({"gatewayClassName": CLASS, "listeners": [listener]});
        setting::create(&namespace, "Gateway", "front", gateway).await?;
        let gateway = json!({"parentRefs": [{"name": "front"}], "hostnames": [host]});
        orders(&namespace, json!({"gateway": gateway})).await?;
        let address = setting::http()?;
        let ask = async || front::get(address, &host, "/api/chain").await;
        let body = answers("the view is served", 200, ask).await?;
        chain::whole(&serde_json::from_str(&body)?, ComponentName::View)?;
        Ok(())
    })
    .await
}
