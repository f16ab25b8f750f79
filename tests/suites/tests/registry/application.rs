//! An application of the operator whose image needs a password.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use restapi_types::conditions;
use serde_json::json;
use suites::app::{App, told};
use suites::namespace;

use crate::setting;

/// How long kubelet may take to find out that it may not have an image.
const REFUSED: Duration = Duration::from_mins(1);

#[tokio::test]
async fn it_says_that_the_image_was_refused_and_runs_once_it_names_the_secret() -> Result<()> {
    namespace::with("private", async |namespace| {
        let image = setting::image()?;
        let spec = json!({"image": image, "view": {}});
        let app = App::create(&namespace, "private", spec).await?;
        let refused = |restapi: &_| {
            told(restapi, conditions::STALLED).filter(|(reason, _)| reason == "ImagePullFailed")
        };
        let (_, message) = app.until("says what is wrong", REFUSED, refused).await?;
        for part in [image.as_str(), "401 Unauthorized"] {
            ensure!(message.contains(part), "{part} is not in: {message}");
        }
        setting::pull_secret(&namespace, "login").await?;
        app.change(json!({"imagePullSecrets": [{"name": "login"}]}))
            .await?;
        app.ready().await?;
        let pods = app.pods(None).await?;
        let spec = pods.first().and_then(|pod| pod.spec.as_ref());
        let secrets = spec.and_then(|spec| spec.image_pull_secrets.as_ref());
        let secret = secrets.and_then(|secrets| secrets.first());
        let name = secret.context("the pod names no secret")?.name.as_str();
        ensure!(name == "login", "the pod names {name}");
        Ok(())
    })
    .await
}
