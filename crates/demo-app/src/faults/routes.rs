//! `/faults`: GET shows, POST replaces, DELETE ends.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::{HeaderMap, StatusCode};

use super::{FaultSpec, Faults};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::requests;

/// Exit code of a process that was told to crash: that of an abort.
const CRASHED: i32 = 134;

/// The routes that switch faults.
pub(crate) fn routes(faults: Arc<Faults>) -> Router {
    Router::new()
        .route("/faults", get(show).post(replace).delete(end))
        .with_state(faults)
}

async fn show(State(faults): State<Arc<Faults>>) -> Reply {
    present(&faults)
}

async fn replace(
    State(faults): State<Arc<Faults>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Failure> {
    let spec = FaultSpec::parse(&requests::json_body(&headers, body).await?)?;
    tracing::warn!(?spec, "faults are switched");
    if spec.crash {
        // No clean-up and no answer: that is what a crash is. (An abort would be ignored where
        // the process is the first of its container.)
        std::process::exit(CRASHED);
    }
    faults.set(spec);
    Ok(present(&faults))
}

async fn end(State(faults): State<Arc<Faults>>) -> Reply {
    tracing::warn!("faults are ended");
    faults.set(FaultSpec::default());
    present(&faults)
}

fn present(faults: &Faults) -> Reply {
    Reply::new(StatusCode::OK)
        .with_json("faults", &faults.spec())
        .with("leakedMiB", faults.leaked_mib())
}
