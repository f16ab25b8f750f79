//! `/health`, `/ready` and `/metrics`: what the platform asks.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::lifecycle::Phase;
use crate::metrics;
use crate::problem::Failure;
use crate::reply::Reply;

/// The routes that every role has.
pub(crate) fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(scrape))
        .with_state(app)
}

/// Whether the process works at all; only a restart heals it if not.
async fn health(State(app): State<Arc<App>>) -> Result<Reply, Failure> {
    match illness(&app) {
        None => Ok(Reply::new(StatusCode::OK).with("status", "alive")),
        Some(message) => Err(unavailable("unhealthy", message)),
    }
}

/// Whether requests should be sent here. Depends on this pod alone: when a peer is down, taking
/// its callers out of service as well would only spread the outage.
async fn ready(State(app): State<Arc<App>>) -> Result<Reply, Failure> {
    match hindrance(&app) {
        None => Ok(Reply::new(StatusCode::OK).with("status", "ready")),
        Some(message) => Err(unavailable("not_ready", message)),
    }
}

async fn scrape(State(app): State<Arc<App>>) -> Response {
    if let Some(store) = &app.store {
        app.metrics.set_store(store.figures());
    }
    match app.metrics.render() {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What only a restart heals.
pub(crate) fn illness(app: &App) -> Option<String> {
    if app
        .faults
        .as_ref()
        .is_some_and(|faults| !faults.is_healthy())
    {
        return Some("a fault keeps this pod unhealthy; DELETE /faults ends it".to_owned());
    }
    match &app.store {
        Some(store) if !store.is_sound() => {
            Some("a write to disk failed; a restart reads the log again".to_owned())
        }
        _ => None,
    }
}

/// Why no request should be sent here.
pub(crate) fn hindrance(app: &App) -> Option<String> {
    if app.lifecycle.phase() != Phase::Serving {
        return Some("this pod is being shut down".to_owned());
    }
    if app.faults.as_ref().is_some_and(|faults| !faults.is_ready()) {
        return Some("a fault keeps this pod from being ready; DELETE /faults ends it".to_owned());
    }
    if let Some(peer) = app.next.as_ref().filter(|peer| !peer.is_configured()) {
        let role = peer.role();
        return Some(format!(
            "no address of the {role} is set; set {}",
            role.url_variable()
        ));
    }
    illness(app)
}

fn unavailable(code: &'static str, message: String) -> Failure {
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
}
