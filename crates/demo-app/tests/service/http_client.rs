//! A small HTTP client for tests.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

/// No answer in a test takes longer.
const LIMIT: Duration = Duration::from_secs(20);

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Response {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The roles of the chain, in order.
    pub(crate) fn roles(&self) -> Vec<String> {
        self.hops("role")
    }

    /// One field of each hop of the chain, in order.
    pub(crate) fn hops(&self, field: &str) -> Vec<String> {
        let body = self.json();
        let chain = body["chain"]
            .as_array()
            .unwrap_or_else(|| panic!("no chain: {}", self.text));
        chain
            .iter()
            .map(|hop| hop[field].as_str().unwrap().to_owned())
            .collect()
    }

    /// One response header; empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A client that keeps connections, as a load generator does. It drops those that it has not
/// used for a second.
#[derive(Debug, Clone)]
pub(crate) struct TestClient(Client<HttpConnector, Full<Bytes>>);

impl TestClient {
    pub(crate) fn new() -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(1))
            .pool_timer(TokioTimer::new())
            .retry_canceled_requests(false)
            .build_http();
        Self(client)
    }

    pub(crate) async fn send(
        &self,
        address: SocketAddr,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Response> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
        let exchange = async {
            let (head, body) = self.0.request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            let text = String::from_utf8(body.to_vec())?;
            Ok(Response {
                status: head.status,
                headers: head.headers,
                text,
            })
        };
        tokio::time::timeout(LIMIT, exchange)
            .await
            .context("no answer in time")?
    }

    pub(crate) async fn get(&self, address: SocketAddr, path: &str) -> Result<Response> {
        self.send(address, Method::GET, path, &[], "").await
    }

    pub(crate) async fn json(
        &self,
        address: SocketAddr,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Response> {
        let headers = [("content-type", "application/json")];
        self.send(address, method, path, &headers, &body.to_string())
            .await
    }
}

/// One GET on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    TestClient::new().get(address, path).await.unwrap()
}

/// One request with a JSON body on a connection of its own.
pub(crate) async fn json(
    address: SocketAddr,
    method: Method,
    path: &str,
    body: &Value,
) -> Response {
    TestClient::new()
        .json(address, method, path, body)
        .await
        .unwrap()
}
