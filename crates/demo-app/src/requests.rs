//! Reading requests: header names, bodies and keys.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::entropy::random_u128;
use crate::problem::Failure;
use crate::validate;

/// The key that makes retries of a POST harmless.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Present on the answer to a POST that had been carried out before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Largest request body, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// Reads a request's body of at most 16 KiB.
pub(crate) async fn body(body: Body) -> Result<Bytes, Failure> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the request's body is larger than 16 KiB; send one order per request",
        )),
        Err(_) => Err(Failure::new(
            StatusCode::BAD_REQUEST,
            "body_incomplete",
            "the request's body ended early; send it again",
        )),
    }
}

/// Reads a JSON body; another content type is refused.
pub(crate) async fn json_body(headers: &HeaderMap, content: Body) -> Result<Bytes, Failure> {
    if !is_json(headers) {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "the body must be JSON; set the header Content-Type: application/json",
        ));
    }
    body(content).await
}

/// The client's idempotency key, or a new one: with a key every hop may safely retry.
pub(crate) fn key_or_new(headers: &HeaderMap) -> Result<String, Failure> {
    match headers.get(IDEMPOTENCY_KEY) {
        Some(value) => validate::idempotency_key(value.to_str().unwrap_or_default()),
        None => Ok(new_key()),
    }
}

/// A new idempotency key.
pub(crate) fn new_key() -> String {
    format!("{:032x}", random_u128())
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn content_types_may_carry_parameters() {
        for (kind, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/jsonp", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(is_json(&headers), expected, "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn large_bodies_are_refused() {
        assert!(body(Body::from(vec![b' '; MAX_BODY])).await.is_ok());
        let refused = body(Body::from(vec![b' '; MAX_BODY + 1]))
            .await
            .unwrap_err();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
