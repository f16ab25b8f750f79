//! Errors as a client sees them: what failed, which field, and the fix.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::Hop;
use crate::reply::Reply;

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The field's name, as in the request.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to send instead.
    pub fix: String,
}

impl Detail {
    /// A detail from its three parts.
    pub fn new(
        field: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }
}

/// A refused or failed request; becomes `{"error": {code, message, details?}, "chain": [...]}`.
#[derive(Debug, Clone)]
pub struct Failure(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Detail>,
    retry_after: Option<Duration>,
    chain: Vec<Hop>,
}

impl Failure {
    /// A failure with a status, a code for programs and a message for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
            retry_after: None,
            chain: Vec::new(),
        }))
    }

    /// Adds the fields that are wrong.
    #[must_use]
    pub fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.0.details = details;
        self
    }

    /// Tells the client how long to wait before it tries again (whole seconds, at least one).
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds the hops that the request had taken beyond this one.
    #[must_use]
    pub fn with_chain(mut self, chain: Vec<Hop>) -> Self {
        self.0.chain = chain;
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The fields that are wrong.
    #[must_use]
    pub fn details(&self) -> &[Detail] {
        &self.0.details
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        let parts = *failure.0;
        let mut error = Map::new();
        error.insert("code".into(), parts.code.into());
        error.insert("message".into(), parts.message.into());
        if !parts.details.is_empty() {
            let details = parts.details.into_iter().map(|detail| {
                serde_json::json!({
                    "field": detail.field, "problem": detail.problem, "fix": detail.fix
                })
            });
            error.insert("details".into(), details.collect());
        }
        let mut reply = Self::new(parts.status).with("error", Value::Object(error));
        if let Some(wait) = parts.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            reply = reply.header(http::header::RETRY_AFTER, &seconds.to_string());
        }
        reply.through(parts.chain)
    }
}

impl axum::response::IntoResponse for Failure {
    fn into_response(self) -> axum::response::Response {
        Reply::from(self).into_response()
    }
}
