//! Plain HTTP requests, one at a time.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The status code and the body of the answer to `GET url`.
///
/// # Errors
/// When no complete answer comes within 5 s.
pub async fn get(url: &str) -> Result<(u16, String)> {
    get_within(LIMIT, url).await
}

/// As [`get`], for answers that take longer.
///
/// # Errors
/// When no complete answer comes within `limit`.
pub async fn get_within(limit: Duration, url: &str) -> Result<(u16, String)> {
    send(limit, Request::get(url).body(Full::default())?).await
}

/// The status code and the body of the answer to `POST url` with a JSON body.
///
/// # Errors
/// When no complete answer comes within 5 s.
pub async fn post(url: &str, body: &Value) -> Result<(u16, String)> {
    let json = Full::from(body.to_string());
    send(
        LIMIT,
        Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(json)?,
    )
    .await
}

async fn send(limit: Duration, request: Request<Full<Bytes>>) -> Result<(u16, String)> {
    let what = format!("{} {}", request.method(), request.uri());
    let client = Client::builder(TokioExecutor::new()).build_http();
    let exchange = async {
        let answer = client.request(request).await?;
        let code = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::Ok((code, String::from_utf8_lossy(&body).into_owned()))
    };
    let answer = timeout(limit, exchange).await;
    answer
        .with_context(|| format!("no answer to {what} within {limit:?}"))?
        .context(what)
}
