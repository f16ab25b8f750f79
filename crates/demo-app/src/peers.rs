//! Calling the next hop: one pooled HTTP client, with retries where they are safe.
//!
//! Connections that are unused for a second are not used again. That is shorter than the time
//! for which a pod that is being shut down still serves, so a request is never sent into a
//! connection that the other side is just closing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::{Map, Value};

use crate::chain::Hop;
use crate::context::RequestContext;
use crate::metrics::{Metrics, PeerOutcome};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::requests::{IDEMPOTENCY_KEY, REPLAYED};
use crate::role::Role;

/// Unused connections are dropped after this time.
const POOL_IDLE: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_IDLE_CONNECTIONS: usize = 32;
/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// Further attempts after one that could not connect: nothing was sent, so any request may.
const CONNECT_RETRIES: u32 = 3;
/// Further attempts after a connection that broke: only where a repetition is harmless.
const BROKEN_RETRIES: u32 = 1;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Headers of the next hop's answer that are passed back.
const PASSED_BACK: [HeaderName; 2] = [RETRY_AFTER, REPLAYED];

/// A request to the next hop.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    body: Option<Bytes>,
    key: Option<String>,
}

impl Call {
    /// A call without a body. `path` may carry a query.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            key: None,
        }
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds an idempotency key, which makes it safe to repeat any method.
    #[must_use]
    pub fn key(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }

    fn is_repeatable(&self) -> bool {
        self.method != Method::POST || self.key.is_some()
    }
}

/// What the next hop answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body without `chain`.
    pub body: Map<String, Value>,
    /// The hops from the next one on.
    pub chain: Vec<Hop>,
    headers: HeaderMap,
}

impl Answer {
    /// The field `name` of the body, read as a `T`; `None` when it is absent or something else.
    #[must_use]
    pub fn field<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.body.get(name)?.clone()).ok()
    }

    /// This answer, or the same as a refusal when its status is not a success.
    pub fn success(self) -> Result<Self, Reply> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(self.into())
        }
    }
}

impl From<Answer> for Reply {
    /// Passes the answer back unchanged.
    fn from(answer: Answer) -> Self {
        let mut reply = Self::of(answer.status, answer.body).through(answer.chain);
        for name in PASSED_BACK {
            if let Some(Ok(value)) = answer.headers.get(&name).map(HeaderValue::to_str) {
                reply = reply.header(name, value);
            }
        }
        reply
    }
}

/// Why the next hop gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its address was not given.
    #[error("no address of the {0} is set; set {variable}", variable = .0.url_variable())]
    NotConfigured(Role),
    /// It could not be reached, or broke the connection off.
    #[error("the {role} at {address} did not answer: {reason}")]
    Unreachable {
        /// Who was called.
        role: Role,
        /// Host and port.
        address: Authority,
        /// What the network said.
        reason: String,
    },
    /// It answered something that no part of this application answers.
    #[error("what answers at {address} is not a {role} of this application; check {variable}",
        variable = .role.url_variable())]
    Foreign {
        /// Who was called.
        role: Role,
        /// Host and port.
        address: Authority,
    },
}

impl From<PeerError> for Failure {
    fn from(error: PeerError) -> Self {
        let message = error.to_string();
        match error {
            PeerError::NotConfigured(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "peer_not_configured",
                message,
            ),
            PeerError::Unreachable { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "peer_unavailable", message)
                    .retry_after(Duration::from_secs(1))
            }
            PeerError::Foreign { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "peer_foreign", message)
            }
        }
    }
}

impl From<PeerError> for Reply {
    fn from(error: PeerError) -> Self {
        Failure::from(error).into()
    }
}

/// One attempt that failed.
#[derive(Debug)]
enum AttemptError {
    Connect(String),
    Broken(String),
    Foreign,
}

/// The next hop; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peer {
    role: Role,
    address: Option<Authority>,
    client: Client<HttpConnector, Full<Bytes>>,
    metrics: Arc<Metrics>,
}

impl Peer {
    /// The peer that plays `role` at `address`, if that is known.
    #[must_use]
    pub fn new(role: Role, address: Option<Authority>, metrics: Arc<Metrics>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            role,
            address,
            client,
            metrics,
        }
    }

    /// The role that the peer plays.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether the peer's address is known.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.address.is_some()
    }

    /// Calls the peer. An answer of any status is `Ok`. The caller's deadline is passed on; the
    /// wait itself ends with the request that it is part of.
    ///
    /// # Errors
    /// [`PeerError`] when there is no usable answer, after the retries that are safe.
    pub async fn call(&self, context: &RequestContext, call: &Call) -> Result<Answer, PeerError> {
        let address = self
            .address
            .as_ref()
            .ok_or(PeerError::NotConfigured(self.role))?;
        let mut pause = FIRST_PAUSE;
        let mut failed = 0;
        loop {
            let error = match self.attempt(address, context, call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let (limit, reason) = match error {
                AttemptError::Connect(reason) => (CONNECT_RETRIES, reason),
                AttemptError::Broken(reason) if call.is_repeatable() => (BROKEN_RETRIES, reason),
                AttemptError::Broken(reason) => (0, reason),
                AttemptError::Foreign => {
                    return Err(PeerError::Foreign {
                        role: self.role,
                        address: address.clone(),
                    });
                }
            };
            if failed >= limit {
                let (role, address) = (self.role, address.clone());
                return Err(PeerError::Unreachable {
                    role,
                    address,
                    reason,
                });
            }
            failed += 1;
            self.metrics.peer_retry();
            tokio::time::sleep(pause).await;
            pause *= 4;
        }
    }

    async fn attempt(
        &self,
        address: &Authority,
        context: &RequestContext,
        call: &Call,
    ) -> Result<Answer, AttemptError> {
        let answer = self.exchange(address, context, call).await;
        self.metrics.peer_attempt(match &answer {
            Ok(_) => PeerOutcome::Answered,
            Err(AttemptError::Connect(_)) => PeerOutcome::Unreachable,
            Err(AttemptError::Broken(_)) => PeerOutcome::Broken,
            Err(AttemptError::Foreign) => PeerOutcome::Foreign,
        });
        answer
    }

    async fn exchange(
        &self,
        address: &Authority,
        context: &RequestContext,
        call: &Call,
    ) -> Result<Answer, AttemptError> {
        let request = request(address, context, call)
            .map_err(|error| AttemptError::Broken(error.to_string()))?;
        let response = self.client.request(request).await.map_err(|error| {
            let reason = with_causes(&error);
            if error.is_connect() {
                AttemptError::Connect(reason)
            } else {
                AttemptError::Broken(reason)
            }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| AttemptError::Broken(error.to_string()))?
            .to_bytes();
        let (body, chain) = open(&body).ok_or(AttemptError::Foreign)?;
        Ok(Answer {
            status: head.status,
            body,
            chain,
            headers: head.headers,
        })
    }
}

fn request(
    address: &Authority,
    context: &RequestContext,
    call: &Call,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(address.clone())
        .path_and_query(PathAndQuery::try_from(call.path.as_str())?)
        .build()?;
    let mut request = Request::builder().method(call.method.clone()).uri(uri);
    if call.body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if let Some(key) = &call.key {
        request = request.header(IDEMPOTENCY_KEY, key);
    }
    let mut request = request.body(Full::new(call.body.clone().unwrap_or_default()))?;
    context.write_to(request.headers_mut());
    Ok(request)
}

/// Splits an answer's body into its fields and its chain; `None` when it has none.
fn open(body: &[u8]) -> Option<(Map<String, Value>, Vec<Hop>)> {
    let Value::Object(mut fields) = serde_json::from_slice(body).ok()? else {
        return None;
    };
    let chain: Vec<Hop> = serde_json::from_value(fields.remove("chain")?).ok()?;
    (!chain.is_empty()).then_some((fields, chain))
}

/// The error with what caused it: the outermost alone says only that something failed.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_repeatable_only_with_a_key() {
        assert!(Call::new(Method::GET, "/").is_repeatable());
        assert!(Call::new(Method::DELETE, "/").is_repeatable());
        assert!(!Call::new(Method::POST, "/").is_repeatable());
        assert!(Call::new(Method::POST, "/").key("k".into()).is_repeatable());
    }

    #[test]
    fn an_answer_without_a_chain_is_foreign() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"chain":[]}"#,
            r#"{"chain":"x"}"#,
            "<html>",
        ] {
            assert!(open(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn the_chain_is_taken_off_the_body() {
        let body =
            br#"{"a":1,"chain":[{"role":"model","environment":"b","version":"1","pod":"p"}]}"#;
        let (fields, chain) = open(body).unwrap();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(chain[0].role, Role::Model);
    }
}
