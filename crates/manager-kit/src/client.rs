//! Clients of the API server whose requests always end.
//!
//! The client library's own defaults wait for ever for an answer that does not come, and repeat a
//! refused request (429, 503, 504) 15 times over up to 164 seconds. Here every request but a watch
//! has one time limit for everything, repeats and the answer's body included; a watch has a limit
//! until its answer starts, and its silence afterwards is the watcher's concern.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tower::BoxError;

use crate::error::KitError;
use crate::metrics::Metrics;
use crate::random;

/// Limits on a client's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For one request as a whole; of a watch, until its answer starts.
    pub request: Duration,
    /// For connecting, TLS included.
    pub connect: Duration,
    /// For the waits between repeats of a refused request, added up. Zero: no repeats.
    pub retries: Duration,
    /// How many requests other than watches are under way at the same time. The rest wait, and their time
    /// begins after that: an API server that is slow gets no faster by more requests, which would all take
    /// too long then.
    pub in_flight: usize,
}

impl Limits {
    /// For everything but leases.
    pub const DEFAULT: Self = Self {
        request: Duration::from_secs(20),
        connect: Duration::from_secs(5),
        retries: Duration::from_secs(3),
        in_flight: 32,
    };

    /// For leases: an attempt that fails at once leaves time for the next one.
    pub const LEASE: Self = Self {
        request: Duration::from_secs(5),
        connect: Duration::from_secs(3),
        retries: Duration::ZERO,
        in_flight: 8,
    };
}

/// A request that was given up.
#[derive(Debug, thiserror::Error)]
#[error("no complete answer from the API server to {method} {path} within {limit:?}")]
struct TimedOut {
    method: http::Method,
    path: String,
    limit: Duration,
}

/// The configuration of the cluster: a kubeconfig where there is one, else the pod's service account.
///
/// # Errors
/// [`KitError::ClusterConfig`] when neither can be read.
pub async fn infer_config() -> Result<Config, KitError> {
    Config::infer()
        .await
        .map_err(|error| KitError::ClusterConfig(Box::new(error)))
}

/// A client for `config`, with its own connections, whose requests keep `limits`.
///
/// # Errors
/// [`KitError::Client`] when the configuration's certificates or proxy cannot be used.
pub fn connect(mut config: Config, limits: Limits, metrics: &Metrics) -> Result<Client, KitError> {
    config.default_retry = false;
    config.connect_timeout = Some(limits.connect);
    let builder =
        ClientBuilder::try_from(config).map_err(|error| KitError::Client(Box::new(error)))?;
    Ok(limit(builder.build(), limits, metrics))
}

/// Wraps a client so that its requests keep `limits` and are counted. The client should not repeat
/// requests by itself.
#[must_use]
pub fn limit(inner: Client, limits: Limits, metrics: &Metrics) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let valid_until = *inner.valid_until();
    let metrics = metrics.clone();
    let places = Arc::new(Semaphore::new(limits.in_flight.max(1)));
    let service = tower::service_fn(move |request| {
        let bounded = Bounded {
            inner: inner.clone(),
            places: Arc::clone(&places),
            limits,
            metrics: metrics.clone(),
        };
        async move { bounded.send(request).await }
    });
    Client::new(service, namespace).with_valid_until(valid_until)
}

struct Bounded {
    inner: Client,
    /// One is taken by each request that is under way, but for watches.
    places: Arc<Semaphore>,
    limits: Limits,
    metrics: Metrics,
}

impl Bounded {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let _place = if is_watch(&request) {
            None
        } else {
            Some(self.places.acquire().await?)
        };
        let end = Instant::now() + self.limits.request;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = async {
            if is_watch(&request) {
                return self.with_retries(request).await;
            }
            let (parts, body) = self.with_retries(request).await?.into_parts();
            // The body counts too: an answer can stop in the middle.
            let bytes = body.collect_bytes().await?;
            Ok(Response::from_parts(parts, Body::from(bytes)))
        };
        if let Ok(answer) = timeout_at(end, answer).await {
            return answer;
        }
        self.metrics.requested(&method, None);
        Err(Box::new(TimedOut {
            method,
            path,
            limit: self.limits.request,
        }))
    }

    async fn with_retries(&self, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let mut waits = Waits::new(self.limits.retries);
        loop {
            let again = duplicate(&request);
            let method = request.method().clone();
            let answer = self.inner.send(request).await;
            self.metrics
                .requested(&method, answer.as_ref().ok().map(Response::status));
            let answer = answer?;
            let wait = is_refusal(answer.status())
                .then(|| waits.next(retry_after(&answer)))
                .flatten();
            match (wait, again) {
                (Some(wait), Some(again)) => {
                    tokio::time::sleep(wait).await;
                    request = again;
                }
                _ => return Ok(answer),
            }
        }
    }
}

/// The waits between repeats: doubling from 50 ms, longer when the server asks for it, and never
/// more than the budget when added up.
struct Waits {
    left: Duration,
    next: Duration,
}

impl Waits {
    fn new(budget: Duration) -> Self {
        Self {
            left: budget,
            next: Duration::from_millis(50),
        }
    }

    /// The next wait; `None` when it does not fit into what is left.
    fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let wait = random::jitter(self.next).max(asked.unwrap_or_default());
        self.next = self.next.saturating_mul(2);
        self.left = self.left.checked_sub(wait)?;
        Some(wait)
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn retry_after(answer: &Response<Body>) -> Option<Duration> {
    let seconds = answer
        .headers()
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

fn is_watch(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .any(|pair| matches!(pair, "watch=true" | "watch=1"))
}

fn duplicate(request: &Request<Body>) -> Option<Request<Body>> {
    let mut again = Request::new(request.body().try_clone()?);
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    again.headers_mut().clone_from(request.headers());
    again.extensions_mut().clone_from(request.extensions());
    Some(again)
}
