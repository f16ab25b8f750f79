//! A request's way through an application, by the pods that it went through.

use anyhow::{Context, Result, ensure};
use kube::ResourceExt as _;
use restapi_types::ComponentName;
use serde_json::{Value, json};
use suites::app::App;
use suites::{chain, http, pods};

use crate::setting;

#[tokio::test]
async fn a_request_goes_through_four_real_pods_of_one_environment() -> Result<()> {
    setting::shared("chain", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let running = app.pods(None).await?;
        let hops = chain::whole(&app.get("/api/chain").await?, ComponentName::View)?;
        for hop in hops {
            let pod = running.iter().find(|pod| pod.name_any() == hop.pod);
            let pod = pod.with_context(|| format!("{hop:?} is none of the application's pods"))?;
            assert_eq!(hop.environment, "blue");
            assert_eq!(hop.role, pods::component(pod));
            assert_eq!(hop.version, pods::version(pod));
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_order_that_was_made_can_be_read_back() -> Result<()> {
    setting::shared("order", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let url = format!(
            "http://{}/api/orders",
            app.address(ComponentName::View).await?
        );
        let order = json!({"item": "lamp", "quantity": 2, "priceCents": 1250});
        let (code, text) = http::post(&url, &order).await?;
        ensure!(code == 201, "POST {url} answers {code}: {text}");
        let made: Value = serde_json::from_str(&text)?;
        let id = made["order"]["id"]
            .as_str()
            .with_context(|| format!("no id in {text}"))?;
        let read = app.get(&format!("/api/orders/{id}")).await?;
        chain::whole(&read, ComponentName::View)?;
        assert_eq!(read["order"], made["order"]);
        assert_eq!(read["order"]["totalCents"], 2500);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn people_see_that_it_is_ready() -> Result<()> {
    setting::shared("columns", async |namespace| {
        let app = App::orders(&namespace, &setting::demo()?).await?;
        let get = ["--namespace", &namespace.name, "get", "ra", &app.name];
        let table = namespace.env.kubectl(&get).await?;
        let mut lines = table.lines().map(|line| line.split_whitespace().take(6));
        let titles = lines.next().context("no titles")?;
        assert!(
            titles.eq([
                "NAME",
                "PHASE",
                "READY",
                "PODS",
                "READY-PODS",
                "ENVIRONMENT"
            ]),
            "{table}"
        );
        let row = lines.next().context("no row")?;
        assert!(
            row.eq(["orders", "Ready", "True", "4", "4", "blue"]),
            "{table}"
        );
        Ok(())
    })
    .await
}
