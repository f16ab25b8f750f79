//! Accepting connections, and ending them without losing a request.
//!
//! On the way out: while draining, everything is still accepted and served, and each answer asks
//! the client to close its connection. Then what has been connected but not yet accepted is
//! accepted, the listener closes, and running requests are finished. A client that reuses
//! connections at shorter intervals than the drain time never meets a closing one.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::lifecycle::{Lifecycle, Phase};

/// Pause after the system refuses a connection (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The server's times and bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    pub(crate) max_connections: u32,
    pub(crate) max_connection_age: Duration,
    pub(crate) drain: Duration,
    /// From the start of draining to the end, whatever still runs.
    pub(crate) shutdown: Duration,
}

/// Serves until told to end; returns when all connections have ended or their time is over.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    lifecycle: Lifecycle,
    limits: ServerLimits,
) {
    let mut connections = JoinSet::new();
    let permits = Arc::new(Semaphore::new(limits.max_connections as usize));
    let start = |stream, permit| {
        let connection = Connection {
            router: router.clone(),
            lifecycle: lifecycle.clone(),
            max_age: limits.max_connection_age,
        };
        connection.serve(stream, permit)
    };
    let mut drained = std::pin::pin!(drained(&lifecycle, limits.drain));
    let deadline = loop {
        tokio::select! {
            started = &mut drained => break started + limits.shutdown,
            accepted = accept(&listener, &permits) => {
                if let Some((stream, permit)) = accepted {
                    connections.spawn(start(stream, permit));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    };
    for (stream, permit) in waiting_connections(&listener, &permits).await {
        connections.spawn(start(stream, permit));
    }
    drop(listener);
    lifecycle.advance(Phase::Closing);
    finish(connections, deadline).await;
}

/// Waits until draining is over; returns when it began.
async fn drained(lifecycle: &Lifecycle, drain: Duration) -> Instant {
    lifecycle.reached(Phase::Draining).await;
    let started = Instant::now();
    sleep(drain).await;
    started
}

async fn finish(mut connections: JoinSet<()>, deadline: Instant) {
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout_at(deadline, all_ended).await.is_err() {
        let open = connections.len();
        tracing::warn!(open, "the time to shut down is over; connections are cut");
        connections.shutdown().await;
    }
}

type Accepted = (TcpStream, OwnedSemaphorePermit);

/// The next connection, when there is a permit for it; `None` when the system refused.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// The connections that clients have made already and that nobody has accepted yet.
async fn waiting_connections(listener: &TcpListener, permits: &Arc<Semaphore>) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    while let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        let next = poll_fn(|context| match listener.poll_accept(context) {
            Poll::Ready(Ok((stream, _))) => Poll::Ready(Some(stream)),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
        });
        match next.await {
            Some(stream) => accepted.push((stream, permit)),
            None => break,
        }
    }
    accepted
}
