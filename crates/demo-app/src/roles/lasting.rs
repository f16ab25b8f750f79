//! Requests that last, as long polls, uploads and streams of events do: whoever replaces pods has to let them end.
//!
//! `GET /api/slow?seconds=N` is answered after that time, and goes the whole way only then. `GET /api/stream?seconds=N`
//! is answered at once with server-sent events, one a second, and says `end` when it is complete.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures::{Stream, StreamExt as _, stream};
use http::header::CACHE_CONTROL;
use http::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, interval_at, sleep};

use super::passed_through;
use crate::chain::Hop;
use crate::context::RequestContext;
use crate::peers::{Call, Peer};
use crate::problem::{Detail, Failure};
use crate::reply::Reply;

/// Longest time that a request may ask for, in seconds.
const MAX_SECONDS: u64 = 600;

#[derive(Debug, Clone)]
struct Lasting {
    peer: Peer,
    this: Arc<Hop>,
}

/// The routes. `peer` is the next hop.
pub(super) fn routes(peer: &Peer, this: &Arc<Hop>) -> Router {
    Router::new()
        .route("/api/slow", get(slow))
        .route("/api/stream", get(events))
        .with_state(Lasting {
            peer: peer.clone(),
            this: Arc::clone(this),
        })
}

#[derive(Debug, Deserialize)]
struct Parameters {
    seconds: u64,
}

impl Parameters {
    fn checked(&self) -> Result<u64, Failure> {
        if (1..=MAX_SECONDS).contains(&self.seconds) {
            return Ok(self.seconds);
        }
        let fix = format!("1 to {MAX_SECONDS}");
        let detail = Detail::new("seconds", "out of range", fix);
        let message = "invalid: seconds; see details for the fix";
        let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message);
        Err(failure.with_details(vec![detail]))
    }
}

/// Waits first, so that all who answer must still be there at the end. A time that is longer than a request may take
/// ends as any other request that does.
async fn slow(
    State(lasting): State<Lasting>,
    Extension(context): Extension<RequestContext>,
    Query(parameters): Query<Parameters>,
) -> Result<Reply, Reply> {
    let seconds = parameters.checked()?;
    sleep(Duration::from_secs(seconds)).await;
    let call = Call::new(Method::GET, "/api/chain");
    Ok(passed_through(lasting.peer.call(&context, &call).await?))
}

async fn events(
    State(lasting): State<Lasting>,
    Query(parameters): Query<Parameters>,
) -> Result<impl IntoResponse, Failure> {
    let events = every_second(parameters.checked()?, &lasting.this);
    Ok(([(CACHE_CONTROL, "no-store")], Sse::new(events)))
}

/// One event each second for so many seconds, and another one that says that there are no more.
fn every_second(seconds: u64, this: &Hop) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let second = Duration::from_secs(1);
    let ticks = interval_at(Instant::now() + second, second);
    let pod = this.pod.clone();
    let numbered = stream::iter(1..=seconds).zip(stream::unfold(ticks, async |mut ticks| {
        ticks.tick().await;
        Some(((), ticks))
    }));
    let numbered = numbered.map(move |(number, ())| {
        let event = Event::default().id(number.to_string());
        event.data(format!("{number} of {seconds} from {pod}"))
    });
    let end = stream::once(async { Event::default().event("end").data("no more") });
    numbered.chain(end).map(Ok)
}
