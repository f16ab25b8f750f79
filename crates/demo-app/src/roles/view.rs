//! The view: the page on `/` and the JSON of `/api`, both from the controller's answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Form, Path, Query, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;

use super::form::OrderForm;
use super::lasting;
use super::page::{self, Page};
use super::passed_through;
use crate::chain::Hop;
use crate::context::RequestContext;
use crate::order::OrderPage;
use crate::peers::{Answer, Call, Peer};
use crate::reply::Reply;
use crate::requests;

const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
const NO_SNIFFING: HeaderName = HeaderName::from_static("x-content-type-options");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const STYLE: &str = include_str!("style.css");
/// How long browsers may keep the style sheet.
const STYLE_AGE: Duration = Duration::from_mins(5);

#[derive(Debug, Clone)]
struct View {
    peer: Peer,
    this: Arc<Hop>,
}

/// The view's routes. `peer` is the controller.
pub(super) fn routes(peer: &Peer, this: &Hop) -> Router {
    let this = Arc::new(this.clone());
    let lasting = lasting::routes(peer, &this);
    Router::new()
        .route("/", get(show))
        .route("/style.css", get(style))
        .route("/orders", post(order))
        .route("/orders/{id}/delete", post(delete))
        .route("/api/chain", get(chain))
        .route("/api/orders", get(relay).post(relay_new))
        .route(
            "/api/orders/{id}",
            get(relay).patch(relay_body).delete(relay),
        )
        .with_state(View {
            peer: peer.clone(),
            this,
        })
        .merge(lasting)
}

async fn chain(
    State(view): State<View>,
    Extension(context): Extension<RequestContext>,
) -> Result<Reply, Reply> {
    let answer = view
        .peer
        .call(&context, &Call::new(Method::GET, "/api/chain"))
        .await?;
    Ok(passed_through(answer))
}

/// Passes a request without a body on as it is.
async fn relay(
    State(view): State<View>,
    Extension(context): Extension<RequestContext>,
    method: Method,
    uri: Uri,
) -> Result<Reply, Reply> {
    Ok(view
        .peer
        .call(&context, &Call::new(method, path(&uri)))
        .await?
        .into())
}

async fn relay_body(
    State(view): State<View>,
    Extension(context): Extension<RequestContext>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Reply> {
    let body = requests::json_body(&headers, body).await?;
    Ok(view
        .peer
        .call(&context, &Call::new(method, path(&uri)).json(body))
        .await?
        .into())
}

/// Passes a new order on; with a key, so that every hop behind may retry.
async fn relay_new(
    State(view): State<View>,
    Extension(context): Extension<RequestContext>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Reply> {
    let key = requests::key_or_new(&headers)?;
    let body = requests::json_body(&headers, body).await?;
    let call = Call::new(Method::POST, path(&uri)).json(body).key(key);
    Ok(view.peer.call(&context, &call).await?.into())
}

fn path(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

#[derive(Debug, Deserialize)]
struct PageParameters {
    before: Option<String>,
}

async fn show(
    State(view): State<View>,
    Extension(context): Extension<RequestContext>,
    Query(query): Query<PageParameters>,
) -> Response {
    let form = OrderForm::empty(requests::new_key());
    view.page(&context, query.before.as_deref(), form, None)
        .await
}

async fn style() -> Response {
    let age = format!("max-age={}", STYLE_AGE.as_secs());
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (NO_SNIFFING, "nosniff"),
    ];
    (headers, [(CACHE_CONTROL, age)], STYLE).into_response()
}

/// Makes an order from the page's form, then shows the list anew; a wrong entry shows the form
/// again, with what was entered and what to change.
async fn order(
    State(view): State<View>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(form): Form<OrderForm>,
) -> Response {
    if is_foreign(&headers) {
        return refuse_foreign();
    }
    let call = Call::new(Method::POST, "/api/orders")
        .json(Bytes::from(form.to_json()))
        .key(form.key.clone());
    view.submit(&context, &call, form).await
}

async fn delete(
    State(view): State<View>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if is_foreign(&headers) {
        return refuse_foreign();
    }
    let Ok(id) = crate::validate::order_id(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let call = Call::new(Method::DELETE, format!("/api/orders/{id}"));
    view.submit(&context, &call, OrderForm::empty(requests::new_key()))
        .await
}

impl View {
    async fn submit(&self, context: &RequestContext, call: &Call, form: OrderForm) -> Response {
        match self.peer.call(context, call).await {
            Ok(answer) if answer.status.is_success() => Redirect::to("/").into_response(),
            Ok(answer) => self.page(context, None, form, Some(&answer)).await,
            Err(error) => self.error_page(&error.to_string()),
        }
    }

    /// The page with the list; `refused` is the answer to what was sent before.
    async fn page(
        &self,
        context: &RequestContext,
        before: Option<&str>,
        form: OrderForm,
        refused: Option<&Answer>,
    ) -> Response {
        // Only an id gets into the path; anything else shows the first page.
        let before = before.and_then(|text| crate::validate::order_id(text).ok());
        let path = before.map_or_else(
            || "/api/orders".to_owned(),
            |before| format!("/api/orders?before={before}"),
        );
        let answer = match self.peer.call(context, &Call::new(Method::GET, path)).await {
            Ok(answer) => answer,
            Err(error) => return self.error_page(&error.to_string()),
        };
        let list = serde_json::from_value::<OrderPage>(answer.body.clone().into());
        let Ok(list) = list else {
            return self.error_page(&page::message_of(&answer));
        };
        let chain: Vec<&Hop> = std::iter::once(&*self.this).chain(&answer.chain).collect();
        let status = refused.map_or(StatusCode::OK, |refused| refused.status);
        html(
            status,
            page::render(&Page {
                list: &list,
                form: &form,
                refused,
                chain: &chain,
            }),
        )
    }

    fn error_page(&self, message: &str) -> Response {
        let page = page::render_error(message, &self.this);
        let mut response = html(StatusCode::SERVICE_UNAVAILABLE, page);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}

fn html(status: StatusCode, page: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (NO_SNIFFING, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, page).into_response()
}

/// Whether a browser says that another site's page sent this form.
fn is_foreign(headers: &HeaderMap) -> bool {
    headers
        .get(FETCH_SITE)
        .is_some_and(|site| site != "same-origin" && site != "none")
}

fn refuse_foreign() -> Response {
    let page = "<!doctype html><title>Refused</title><p>This form was sent by another site.";
    html(StatusCode::FORBIDDEN, page.to_owned())
}
