//! What happens to every request around its handler: trace, deadline, faults, chain, metrics, log.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::chain;
use crate::context::RequestContext;
use crate::problem::Failure;
use crate::reply;
use crate::spans::Span;

/// Label of requests that no route matches.
const UNMATCHED: &str = "unmatched";
/// Routes that are about the process, not about orders: faults leave them alone.
const OWN_ROUTES: [&str; 4] = ["/health", "/ready", "/metrics", "/faults"];

/// Handles one request.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let _in_flight = app.metrics.enter();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| UNMATCHED.to_owned(), |path| path.as_str().to_owned());
    let limit = app.args.request_timeout();
    let context = RequestContext::from_headers(request.headers(), limit, &app.sampling);
    request.extensions_mut().insert(context.clone());
    let mut span = span(&app, &context, &method, &route);

    let answer = timeout_at(context.deadline, answer(&app, &route, request, next)).await;
    let response = answer.unwrap_or_else(|_| too_late().into_response());

    let (mut response, hops) = reply::seal(&app.this, response);
    context.trace.write_to(response.headers_mut());
    if chain::is_mixed(&hops) {
        app.metrics.mixed_chain();
    }
    span.answered(response.status());
    let took = started.elapsed();
    app.metrics
        .answered(&method, &route, response.status(), took);
    log(&method, &route, &context, response.status(), took);
    response
}

/// The span of a request. Probes and scrapes have none: they would be most of all spans.
fn span(app: &App, context: &RequestContext, method: &Method, route: &str) -> Span {
    if OWN_ROUTES.contains(&route) {
        return Span::none();
    }
    let route = (route != UNMATCHED).then_some(route);
    app.spans.of_request(&context.trace, method, route)
}

async fn answer(app: &App, route: &str, request: Request, next: Next) -> Response {
    if let Some(faults) = &app.faults
        && !OWN_ROUTES.contains(&route)
        && let Err(failure) = faults.strike().await
    {
        return failure.into_response();
    }
    next.run(request).await
}

fn too_late() -> Failure {
    Failure::new(
        StatusCode::GATEWAY_TIMEOUT,
        "deadline_exceeded",
        "the answer was not there before the request's deadline; try again",
    )
}

fn log(
    method: &Method,
    route: &str,
    context: &RequestContext,
    status: StatusCode,
    took: std::time::Duration,
) {
    let trace_id = context.trace.trace_id();
    let span_id = context.trace.span_id();
    let status = status.as_u16();
    let duration_ms = took.as_secs_f64() * 1000.0;
    // Probes and scrapes come every few seconds and say nothing while they succeed.
    if OWN_ROUTES.contains(&route) && status < 400 {
        tracing::debug!(%method, route, status, duration_ms, trace_id, span_id, "answered");
    } else {
        tracing::info!(%method, route, status, duration_ms, trace_id, span_id, "answered");
    }
}
