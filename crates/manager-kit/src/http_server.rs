//! Serves `/livez`, `/readyz` and `/metrics`.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::error::KitError;
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::readiness::{Readiness, Report};

/// Listens on `address`.
///
/// # Errors
/// [`KitError::Listen`] when the address is not available.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, KitError> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| KitError::Listen { address, source })?;
    // With port 0 the system chooses one, which nobody could know otherwise.
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!(%address, "serving /livez, /readyz and /metrics");
    Ok(listener)
}

/// Serves until it is dropped.
///
/// # Errors
/// [`KitError::Serve`] when accepting connections fails for good.
pub(crate) async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    metrics: Metrics,
) -> Result<(), KitError> {
    axum::serve(listener, router(readiness, metrics))
        .await
        .map_err(KitError::Serve)
}

fn router(readiness: Readiness, metrics: Metrics) -> Router {
    let probes = Router::new()
        .route(
            "/livez",
            get(|State(probes): State<Readiness>| async move { answer(probes.alive()) }),
        )
        .route(
            "/readyz",
            get(|State(probes): State<Readiness>| async move { answer(probes.ready()) }),
        )
        .with_state(readiness);
    let scrape = |State(metrics): State<Metrics>| async move {
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode())
    };
    probes.merge(
        Router::new()
            .route("/metrics", get(scrape))
            .with_state(metrics),
    )
}

fn answer(report: Report) -> Response {
    let status = if report.good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, report.text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::shell::ManagerInfo;

    async fn get(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn probes_and_metrics_answer() {
        let readiness = Readiness::default();
        let gate = readiness.gate("restapis-crd");
        let metrics = Metrics::new(ManagerInfo {
            name: "test",
            version: "0",
        });
        metrics.tell_ready(readiness.clone());
        let router = router(readiness, metrics);
        let (status, text) = get(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.contains("[-]restapis-crd: not started"), "{text}");
        assert_eq!(get(&router, "/livez").await.0, StatusCode::OK);
        let (_, text) = get(&router, "/metrics").await;
        assert!(text.contains("\nrestapi_ready 0\n"), "{text}");
        gate.ready();
        assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);
        let (status, text) = get(&router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("restapi_manager_info{"), "{text}");
        assert!(text.contains("\nrestapi_ready 1\n"), "{text}");
    }
}
