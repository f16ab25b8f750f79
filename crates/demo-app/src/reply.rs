//! JSON answers. Handlers say what they answer; [`seal`] adds this pod to the chain, in one place,
//! so that no answer can leave without it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::chain::{Hop, is_mixed};
use crate::problem::Failure;

/// A JSON answer on its way out.
#[derive(Debug, Clone)]
pub struct Reply(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    body: Map<String, Value>,
    chain: Vec<Hop>,
    shows_mixing: bool,
    headers: HeaderMap,
}

impl Reply {
    /// An answer with an empty object as its body.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self::of(status, Map::new())
    }

    /// An answer whose body is a whole object.
    #[must_use]
    pub fn of(status: StatusCode, body: Map<String, Value>) -> Self {
        let (chain, headers) = (Vec::new(), HeaderMap::new());
        Self(Box::new(Parts {
            status,
            body,
            chain,
            shows_mixing: false,
            headers,
        }))
    }

    /// Adds one field to the body.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.body.insert(field.to_owned(), value.into());
        self
    }

    /// Adds one field to the body from a value that serialises. A value that does not (a map
    /// whose keys are no strings) becomes `null`.
    #[must_use]
    pub fn with_json(self, field: &str, value: &impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.with(field, value)
    }

    /// Adds a response header; a value that no header can hold is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.insert(name, value);
        }
        self
    }

    /// Names the hops that the request took beyond this pod.
    #[must_use]
    pub fn through(mut self, chain: Vec<Hop>) -> Self {
        self.0.chain = chain;
        self
    }

    /// Lets the answer say, as `mixed`, whether its hops are of more than one environment.
    #[must_use]
    pub fn showing_mixing(mut self) -> Self {
        self.0.shows_mixing = true;
        self
    }

    fn into_sealed(self, this: &Hop) -> (Response, Vec<Hop>) {
        let mut parts = *self.0;
        let mut chain = Vec::with_capacity(parts.chain.len() + 1);
        chain.push(this.clone());
        chain.append(&mut parts.chain);
        if parts.shows_mixing {
            parts
                .body
                .insert("mixed".to_owned(), is_mixed(&chain).into());
        }
        let hops = serde_json::to_value(&chain).unwrap_or_default();
        parts.body.insert("chain".to_owned(), hops);
        let mut response = Response::new(Body::from(Value::Object(parts.body).to_string()));
        *response.status_mut() = parts.status;
        *response.headers_mut() = parts.headers;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (response, chain)
    }
}

impl IntoResponse for Reply {
    /// Leaves the body empty: [`seal`] writes it.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes a [`Reply`]'s body with this pod in front of its chain, and returns that chain. Errors
/// that the router made itself (unknown path, wrong method) become JSON of the same shape; pages
/// and metrics pass unchanged.
pub fn seal(this: &Hop, mut response: Response) -> (Response, Vec<Hop>) {
    if let Some(reply) = response.extensions_mut().remove::<Reply>() {
        return reply.into_sealed(this);
    }
    let status = response.status();
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        kind.to_str()
            .is_ok_and(|kind| !kind.starts_with("text/plain"))
    });
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return (response, Vec::new());
    }
    let (mut sealed, chain) = Reply::from(routing_failure(status)).into_sealed(this);
    if let Some(allow) = response.headers_mut().remove(http::header::ALLOW) {
        sealed.headers_mut().insert(http::header::ALLOW, allow);
    }
    (sealed, chain)
}

fn routing_failure(status: StatusCode) -> Failure {
    match status {
        StatusCode::NOT_FOUND => Failure::new(
            status,
            "unknown_path",
            "nothing is served on this path; orders are under /api/orders",
        ),
        StatusCode::METHOD_NOT_ALLOWED => Failure::new(
            status,
            "method_not_allowed",
            "this path does not take this method; the header Allow names those it takes",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Failure::new(
            status,
            "body_too_large",
            "the request's body is larger than 16 KiB; send one order per request",
        ),
        other => Failure::new(
            other,
            "refused",
            "the request could not be read; check path and query",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Role;

    fn hop(role: Role, environment: &str) -> Hop {
        Hop {
            role,
            environment: environment.into(),
            version: "1".into(),
            pod: "p".into(),
        }
    }

    async fn sealed(response: Response) -> (StatusCode, Value) {
        let (response, _) = seal(&hop(Role::Model, "blue"), response);
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 4096)
            .await
            .unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn this_pod_is_the_first_of_the_chain() {
        let reply = Reply::new(StatusCode::OK)
            .with("a", 1)
            .showing_mixing()
            .through(vec![hop(Role::Repository, "green")]);
        let (status, body) = sealed(reply.into_response()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["a"], 1);
        assert_eq!(body["mixed"], true);
        assert_eq!(body["chain"][0]["role"], "model");
        assert_eq!(body["chain"][1]["role"], "repository");
    }

    #[tokio::test]
    async fn the_routers_own_errors_get_a_chain_too() {
        let (status, body) = sealed(StatusCode::NOT_FOUND.into_response()).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(body["error"]["code"], "unknown_path");
        assert_eq!(body["chain"][0]["pod"], "p");
    }

    #[tokio::test]
    async fn pages_pass_unchanged() {
        let page = axum::response::Html("<p>hello").into_response();
        let (response, hops) = seal(&hop(Role::View, "blue"), page);
        assert!(hops.is_empty());
        let body = axum::body::to_bytes(response.into_body(), 4096)
            .await
            .unwrap();
        assert_eq!(body, "<p>hello");
    }
}
