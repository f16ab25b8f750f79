//! The controller: routing, input validation and flow control, behind `/api`. It may be the edge
//! as well as stand behind the view.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;

use super::passed_through;
use crate::args::Args;
use crate::context::RequestContext;
use crate::flow::FlowControl;
use crate::metrics::Metrics;
use crate::peers::{Call, Peer};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::{requests, validate};

/// The controller's routes. `peer` is the model.
pub(super) fn routes(args: &Args, peer: &Peer, metrics: &Arc<Metrics>) -> Router {
    let gate = Gate {
        flow: FlowControl::new(args.max_in_flight, args.max_queued),
        metrics: Arc::clone(metrics),
    };
    Router::new()
        .route("/api/chain", get(chain))
        .route("/api/orders", get(list).post(create))
        .route("/api/orders/{id}", get(read).patch(change).delete(remove))
        .route_layer(from_fn_with_state(gate, limit))
        .with_state(peer.clone())
}

#[derive(Debug, Clone)]
struct Gate {
    flow: FlowControl,
    metrics: Arc<Metrics>,
}

/// Lets a request in when there is room, or refuses it at once.
async fn limit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    if let Ok(_permit) = gate.flow.enter().await {
        return next.run(request).await;
    }
    gate.metrics.reject();
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "overloaded",
        "too many requests are waiting; try again after the time in Retry-After",
    )
    .retry_after(Duration::from_secs(1))
    .into_response()
}

#[derive(Debug, Deserialize)]
struct PageParameters {
    limit: Option<String>,
    before: Option<String>,
}

async fn chain(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
) -> Result<Reply, Reply> {
    let answer = peer
        .call(&context, &Call::new(Method::GET, "/chain"))
        .await?;
    Ok(passed_through(answer))
}

async fn list(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    Query(query): Query<PageParameters>,
) -> Result<Reply, Reply> {
    let page = validate::page(query.limit.as_deref(), query.before.as_deref())?;
    let mut path = format!("/orders?limit={}", page.limit);
    if let Some(before) = page.before {
        path = format!("{path}&before={before}");
    }
    Ok(peer
        .call(&context, &Call::new(Method::GET, path))
        .await?
        .into())
}

async fn create(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Reply> {
    let key = requests::key_or_new(&headers)?;
    let body = requests::json_body(&headers, body).await?;
    validate::new_order(&body)?;
    let call = Call::new(Method::POST, "/orders").json(body).key(key);
    Ok(peer.call(&context, &call).await?.into())
}

async fn read(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    Path(id): Path<String>,
) -> Result<Reply, Reply> {
    forward(&peer, &context, Method::GET, &id, None).await
}

async fn change(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Reply> {
    let body = requests::json_body(&headers, body).await?;
    validate::status_change(&body)?;
    forward(&peer, &context, Method::PATCH, &id, Some(body)).await
}

async fn remove(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    Path(id): Path<String>,
) -> Result<Reply, Reply> {
    forward(&peer, &context, Method::DELETE, &id, None).await
}

async fn forward(
    peer: &Peer,
    context: &RequestContext,
    method: Method,
    id: &str,
    body: Option<Bytes>,
) -> Result<Reply, Reply> {
    let id = validate::order_id(id)?;
    let mut call = Call::new(method, format!("/orders/{id}"));
    if let Some(body) = body {
        call = call.json(body);
    }
    Ok(peer.call(context, &call).await?.into())
}
