//! Calling the next hop: one pooled HTTP client, with retries where they are safe.
//!
//! Connections that are unused for a second are not used again. That is shorter than the time
//! for which a pod that is being shut down still serves, so a request is never sent into a
//! connection that the other side is just closing.

mod error;
mod message;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::context::RequestContext;
use crate::metrics::{Metrics, PeerOutcome};
use crate::requests::IDEMPOTENCY_KEY;
use crate::role::Role;
use crate::spans::{Span, Spans};
pub use error::PeerError;
pub use message::{Answer, Call};

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
    spans: Spans,
}

impl Peer {
    /// The peer that plays `role` at `address`, if that is known.
    #[must_use]
    pub fn new(
        role: Role,
        address: Option<Authority>,
        metrics: Arc<Metrics>,
        spans: Spans,
    ) -> Self {
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
            spans,
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
        let context = context.child();
        let mut span = self.spans.of_call(&context.trace, call, address);
        let result = self.answer(address, &context, call, &mut span).await;
        match &result {
            Ok(answer) => span.answered(answer.status),
            Err(error) => span.failed(error.kind(), error.to_string()),
        }
        result
    }

    /// The answer of the first attempt that brings one.
    async fn answer(
        &self,
        address: &Authority,
        context: &RequestContext,
        call: &Call,
        span: &mut Span,
    ) -> Result<Answer, PeerError> {
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
            span.resent();
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
        Answer::read(head.status, head.headers, &body).ok_or(AttemptError::Foreign)
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
