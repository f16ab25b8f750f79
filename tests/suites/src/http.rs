//! One plain HTTP request.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The status code and the body of the answer to `GET url`.
///
/// # Errors
/// When no complete answer comes within 5 s.
pub async fn get(url: &str) -> Result<(u16, String)> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = async {
        let answer = client.get(url.parse()?).await?;
        let code = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::Ok((code, String::from_utf8_lossy(&body).into_owned()))
    };
    let answer = timeout(LIMIT, request).await;
    answer.with_context(|| format!("no answer to GET {url} within {LIMIT:?}"))?
}
