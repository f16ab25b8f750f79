//! The repository: storage and caching, behind `/records`.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::end_of_chain;
use crate::order::{OrderId, PricedOrder, Status};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::requests::{self, REPLAYED};
use crate::store::{Store, StoreError};
use crate::validate;

/// The repository's routes.
pub(super) fn routes(store: Store) -> Router {
    Router::new()
        .route("/chain", get(|| async { end_of_chain() }))
        .route("/records", get(list).post(create))
        .route("/records/{id}", get(read).put(change).delete(remove))
        .with_state(store)
}

/// What a page or a change is asked for with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    limit: Option<String>,
    before: Option<String>,
    expected_revision: Option<u64>,
}

/// The body of `PUT /records/{id}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    status: Status,
}

async fn list(
    State(store): State<Store>,
    Query(query): Query<Parameters>,
) -> Result<Reply, Failure> {
    let query = validate::page(query.limit.as_deref(), query.before.as_deref())?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let page = store.page(limit, query.before).await?;
    let mut reply = Reply::new(StatusCode::OK)
        .with_json("orders", &page.orders)
        .with("total", page.total);
    if let Some(next) = page.next {
        reply = reply.with("next", next.to_string());
    }
    Ok(reply)
}

async fn create(
    State(store): State<Store>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Failure> {
    let key = requests::key_or_new(&headers)?;
    let priced: PricedOrder = read_json(&requests::json_body(&headers, body).await?)?;
    let created = store.create(key, priced).await?;
    let reply = Reply::new(StatusCode::CREATED).with_json("order", &created.order);
    Ok(if created.replayed {
        reply.header(REPLAYED, "true")
    } else {
        reply
    })
}

async fn read(State(store): State<Store>, Path(id): Path<String>) -> Result<Reply, Failure> {
    let id = validate::order_id(&id)?;
    let order = store.get(id).await?.ok_or(StoreError::NotFound(id))?;
    Ok(Reply::new(StatusCode::OK).with_json("order", &order))
}

async fn change(
    State(store): State<Store>,
    Path(id): Path<String>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Failure> {
    let id = validate::order_id(&id)?;
    let change: Change = read_json(&requests::json_body(&headers, body).await?)?;
    let order = store
        .set_status(id, expected(&query)?, change.status)
        .await?;
    Ok(Reply::new(StatusCode::OK).with_json("order", &order))
}

async fn remove(
    State(store): State<Store>,
    Path(id): Path<String>,
    Query(query): Query<Parameters>,
) -> Result<Reply, Failure> {
    let id = validate::order_id(&id)?;
    // Without a revision only what is gone already can be deleted: that is how a retry asks.
    let Some(revision) = query.expected_revision else {
        return if store.was_removed(id) {
            Ok(removed(id))
        } else {
            Err(missing_revision())
        };
    };
    store.remove(id, revision).await?;
    Ok(removed(id))
}

fn removed(id: OrderId) -> Reply {
    Reply::new(StatusCode::OK).with("deleted", id.to_string())
}

fn expected(query: &Parameters) -> Result<u64, Failure> {
    query.expected_revision.ok_or_else(missing_revision)
}

fn missing_revision() -> Failure {
    Failure::new(
        StatusCode::BAD_REQUEST,
        "revision_missing",
        "the query parameter expectedRevision is missing; send the order's revision",
    )
}

fn read_json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body is not what the repository stores: {error}");
        Failure::new(StatusCode::BAD_REQUEST, "malformed", message)
    })
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (status, code) = match &error {
            StoreError::NotFound(_) => (StatusCode::NOT_FOUND, "order_not_found"),
            StoreError::Conflict { .. } => (StatusCode::CONFLICT, "order_changed"),
            StoreError::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            StoreError::KeyDeleted => (StatusCode::GONE, "order_deleted"),
            StoreError::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "store_full"),
            StoreError::Read(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store_unreadable"),
            StoreError::Write(_) => (StatusCode::INSUFFICIENT_STORAGE, "store_unwritable"),
            StoreError::Failed | StoreError::Stopped => {
                (StatusCode::SERVICE_UNAVAILABLE, "store_stopped")
            }
        };
        Self::new(status, code, error.to_string())
    }
}
