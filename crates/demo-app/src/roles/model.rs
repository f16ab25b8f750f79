//! The model: the rules of the domain, behind `/orders`.

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use super::passed_through;
use crate::context::RequestContext;
use crate::order::{NewOrder, Order, OrderId};
use crate::peers::{Call, Peer};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::rules::{self, RuleViolation};
use crate::{requests, validate};

/// The model's routes. `peer` is the repository.
pub(super) fn routes(peer: Peer) -> Router {
    Router::new()
        .route("/chain", get(chain))
        .route("/orders", get(list).post(create))
        .route("/orders/{id}", get(read).patch(change).delete(remove))
        .with_state(peer)
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
    RawQuery(query): RawQuery,
) -> Result<Reply, Reply> {
    let path = format!("/records?{}", query.unwrap_or_default());
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
    let order: NewOrder = validate::new_order(&requests::json_body(&headers, body).await?)?;
    let priced = rules::price(order).map_err(Failure::from)?;
    let call = Call::new(Method::POST, "/records")
        .json(json(&priced)?)
        .key(key);
    Ok(peer.call(&context, &call).await?.into())
}

async fn read(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    Path(id): Path<String>,
) -> Result<Reply, Reply> {
    let id = validate::order_id(&id)?;
    Ok(peer.call(&context, &record(Method::GET, id)).await?.into())
}

async fn change(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Reply> {
    let id = validate::order_id(&id)?;
    let status = validate::status_change(&requests::json_body(&headers, body).await?)?;
    let answer = peer
        .call(&context, &record(Method::GET, id))
        .await?
        .success()?;
    let Some(order) = answer.field::<Order>("order") else {
        return Err(no_order(id).into());
    };
    if order.status == status {
        return Ok(answer.into());
    }
    rules::check_transition(order.status, status)
        .map_err(|violation| Failure::from(violation).with_chain(answer.chain))?;
    let body = json(&serde_json::json!({ "status": status }))?;
    let call = Call::new(Method::PUT, at_revision(&order)).json(body);
    Ok(peer.call(&context, &call).await?.into())
}

async fn remove(
    State(peer): State<Peer>,
    Extension(context): Extension<RequestContext>,
    Path(id): Path<String>,
) -> Result<Reply, Reply> {
    let id = validate::order_id(&id)?;
    let answer = peer.call(&context, &record(Method::GET, id)).await?;
    if answer.status == StatusCode::NOT_FOUND {
        // Perhaps deleted by an attempt whose answer was lost: then this one succeeds as well.
        let again = peer.call(&context, &record(Method::DELETE, id)).await?;
        return Ok(if again.status.is_success() {
            again.into()
        } else {
            answer.into()
        });
    }
    let answer = answer.success()?;
    let Some(order) = answer.field::<Order>("order") else {
        return Err(no_order(id).into());
    };
    rules::check_deletion(order.status)
        .map_err(|violation| Failure::from(violation).with_chain(answer.chain))?;
    let call = Call::new(Method::DELETE, at_revision(&order));
    Ok(peer.call(&context, &call).await?.into())
}

fn record(method: Method, id: OrderId) -> Call {
    Call::new(method, format!("/records/{id}"))
}

/// A change must start from the revision that the rules were checked against.
fn at_revision(order: &Order) -> String {
    format!("/records/{}?expectedRevision={}", order.id, order.revision)
}

fn json(value: &impl Serialize) -> Result<Bytes, Failure> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| {
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "not_serialisable",
            error.to_string(),
        )
    })
}

fn no_order(id: OrderId) -> Failure {
    let message = format!("the repository's answer for {id} holds no order; check REPOSITORY_URL");
    Failure::new(StatusCode::BAD_GATEWAY, "peer_foreign", message)
}

impl From<RuleViolation> for Failure {
    fn from(violation: RuleViolation) -> Self {
        let (status, code) = match violation {
            RuleViolation::TotalTooLarge => (StatusCode::UNPROCESSABLE_ENTITY, "total_too_large"),
            RuleViolation::Transition { .. } => (StatusCode::CONFLICT, "transition_refused"),
            RuleViolation::NotDeletable(_) => (StatusCode::CONFLICT, "deletion_refused"),
        };
        Self::new(status, code, violation.to_string())
    }
}
