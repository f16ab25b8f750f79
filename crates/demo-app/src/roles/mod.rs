//! What each role serves.

mod controller;
mod form;
mod lasting;
mod model;
mod page;
mod repository;
mod view;

use std::sync::Arc;

use axum::Router;
use http::StatusCode;

use crate::app::App;
use crate::peers::Answer;
use crate::reply::Reply;
use crate::role::Role;

/// The routes of the role that the process plays.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    match (app.args.role, &app.next, &app.store) {
        (Role::View, Some(peer), _) => view::routes(peer, &app.this),
        (Role::Controller, Some(peer), _) => controller::routes(&app.args, peer, &app.metrics),
        (Role::Model, Some(peer), _) => model::routes(peer.clone()),
        (Role::Repository, _, Some(store)) => repository::routes(store.clone()),
        // Setting up gives every role what it needs; without it there is nothing to serve.
        _ => Router::new(),
    }
}

/// The answer to a request that only shows the way it took.
fn passed_through(answer: Answer) -> Reply {
    Reply::from(answer).showing_mixing()
}

/// The answer of the last hop to a request that only shows the way it took.
fn end_of_chain() -> Reply {
    Reply::new(StatusCode::OK).showing_mixing()
}
