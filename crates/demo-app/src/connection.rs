//! One connection: of HTTP/1.1 or, where the client begins with that as gRPC does, of HTTP/2.
//!
//! The two end differently. An answer of HTTP/1.1 says that no other will follow. HTTP/2 has a
//! frame for that, which is sent when draining begins or the connection is old; the requests that
//! are on the way are still answered.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::header::CONNECTION;
use http::{HeaderValue, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, SetOnce};
use tokio::time::{Instant, sleep_until, timeout};
use tower::Service;

use crate::lifecycle::{Lifecycle, Phase};

/// A client that takes longer than this to send a request's head, or between two requests, is
/// disconnected.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// While closing, a connection that has not carried a request gets this long to send its first.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// What a connection is served with.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) router: Router,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) max_age: Duration,
}

impl Connection {
    /// Serves until either side ends the connection.
    pub(crate) async fn serve(self, stream: TcpStream, _permit: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection ended before it was served");
            return;
        }
        let end = Instant::now() + self.max_age;
        // The version of the first request, which is that of all.
        let version = Arc::new(SetOnce::new());
        let service = service_fn(|request: http::Request<Incoming>| {
            // Only the first can be noted.
            let _ = version.set(request.version());
            self.clone().answer(request, end)
        });
        let builder = builder();
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = self.is_over(&version, end) => None,
        };
        let ended = match ended {
            // Its first request may be on the way: closing now would lose it. The answer to it
            // says that the connection ends.
            None if !version.initialized() => {
                timeout(FIRST_REQUEST, connection.as_mut()).await.ok()
            }
            ended => ended,
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer(
        mut self,
        request: http::Request<Incoming>,
        end: Instant,
    ) -> Result<Response, Infallible> {
        let is_last_told = request.version() < Version::HTTP_2;
        let mut response = self.router.call(request).await?;
        let is_last = self.lifecycle.phase() != Phase::Serving || Instant::now() >= end;
        if is_last_told && is_last {
            close_after(&mut response);
        }
        Ok(response)
    }

    /// Waits until no further request is to come.
    async fn is_over(&self, version: &SetOnce<Version>, end: Instant) {
        let is_over = async {
            match timeout(HEAD_TIMEOUT, version.wait()).await {
                Ok(&Version::HTTP_2) => tokio::select! {
                    () = sleep_until(end) => {}
                    () = self.lifecycle.reached(Phase::Draining) => {}
                },
                // Its answers say so, and it has a timeout of its own.
                Ok(_) => pending().await,
                // Until the version is known nothing else looks at the time.
                Err(_) => {}
            }
        };
        tokio::select! {
            () = is_over => {}
            () = self.lifecycle.reached(Phase::Closing) => {}
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    builder
}

/// Asks the client to make a new connection for its next request.
fn close_after(response: &mut Response) {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
}
