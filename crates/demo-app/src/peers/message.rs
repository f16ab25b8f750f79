//! What is asked of the next hop and what it answers.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use crate::chain::Hop;
use crate::reply::Reply;
use crate::requests::REPLAYED;

/// Headers of the next hop's answer that are passed back.
const PASSED_BACK: [HeaderName; 2] = [RETRY_AFTER, REPLAYED];

/// The parts of paths that are the same in every call.
const FIXED: [&str; 4] = ["api", "chain", "orders", "records"];

/// A request to the next hop.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Bytes>,
    pub(super) key: Option<String>,
}

impl Call {
    /// A call without a body. `path` may carry a query.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            key: None,
        }
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds an idempotency key, which makes it safe to repeat any method.
    #[must_use]
    pub fn key(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }

    /// Its method.
    pub(crate) const fn method(&self) -> &Method {
        &self.method
    }

    /// Its path with `{id}` for what is not the same in every call, and without its query: as bounded as the routes
    /// that it is for.
    pub(crate) fn template(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let segments = path.split('/').map(|segment| {
            let is_fixed = segment.is_empty() || FIXED.contains(&segment);
            if is_fixed { segment } else { "{id}" }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// Whether carrying it out twice does no more than once.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method != Method::POST || self.key.is_some()
    }
}

/// What the next hop answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body without `chain`.
    pub body: Map<String, Value>,
    /// The hops from the next one on.
    pub chain: Vec<Hop>,
    headers: HeaderMap,
}

impl Answer {
    /// Reads an answer; `None` when it is not one of this application.
    pub(super) fn read(status: StatusCode, headers: HeaderMap, body: &[u8]) -> Option<Self> {
        let (body, chain) = open(body)?;
        Some(Self {
            status,
            body,
            chain,
            headers,
        })
    }

    /// The field `name` of the body, read as a `T`; `None` when it is absent or something else.
    #[must_use]
    pub fn field<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.body.get(name)?.clone()).ok()
    }

    /// This answer, or the same as a refusal when its status is not a success.
    pub fn success(self) -> Result<Self, Reply> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(self.into())
        }
    }
}

impl From<Answer> for Reply {
    /// Passes the answer back unchanged.
    fn from(answer: Answer) -> Self {
        let mut reply = Self::of(answer.status, answer.body).through(answer.chain);
        for name in PASSED_BACK {
            if let Some(Ok(value)) = answer.headers.get(&name).map(HeaderValue::to_str) {
                reply = reply.header(name, value);
            }
        }
        reply
    }
}

/// Splits an answer's body into its fields and its chain; `None` when it has none.
fn open(body: &[u8]) -> Option<(Map<String, Value>, Vec<Hop>)> {
    let Value::Object(mut fields) = serde_json::from_slice(body).ok()? else {
        return None;
    };
    let chain: Vec<Hop> = serde_json::from_value(fields.remove("chain")?).ok()?;
    (!chain.is_empty()).then_some((fields, chain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Role;

    #[test]
    fn posts_are_repeatable_only_with_a_key() {
        assert!(Call::new(Method::GET, "/").is_repeatable());
        assert!(Call::new(Method::DELETE, "/").is_repeatable());
        assert!(!Call::new(Method::POST, "/").is_repeatable());
        assert!(Call::new(Method::POST, "/").key("k".into()).is_repeatable());
    }

    #[test]
    fn what_differs_from_call_to_call_is_not_in_the_template() {
        for (path, template) in [
            ("/api/chain", "/api/chain"),
            ("/orders?limit=2&before=abc", "/orders"),
            ("/records/0123-abc?expectedRevision=2", "/records/{id}"),
            ("/api/orders/%2Fwhatever", "/api/orders/{id}"),
        ] {
            assert_eq!(Call::new(Method::GET, path).template(), template);
        }
    }

    #[test]
    fn an_answer_without_a_chain_is_foreign() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"chain":[]}"#,
            r#"{"chain":"x"}"#,
            "<html>",
        ] {
            assert!(open(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn the_chain_is_taken_off_the_body() {
        let body =
            br#"{"a":1,"chain":[{"role":"model","environment":"b","version":"1","pod":"p"}]}"#;
        let (fields, chain) = open(body).unwrap();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(chain[0].role, Role::Model);
    }
}
