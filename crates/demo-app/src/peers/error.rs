//! Why a call to the next hop fails, and how that is answered.

use std::time::Duration;

use http::StatusCode;
use http::uri::Authority;

use crate::problem::Failure;
use crate::reply::Reply;
use crate::role::Role;

/// Why the next hop gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its address was not given.
    #[error("no address of the {0} is set; set {variable}", variable = .0.url_variable())]
    NotConfigured(Role),
    /// It could not be reached, or broke the connection off.
    #[error("the {role} at {address} did not answer: {reason}")]
    Unreachable {
        /// Who was called.
        role: Role,
        /// Host and port.
        address: Authority,
        /// What the network said.
        reason: String,
    },
    /// It answered something that no part of this application answers.
    #[error("what answers at {address} is not a {role} of this application; check {variable}",
        variable = .role.url_variable())]
    Foreign {
        /// Who was called.
        role: Role,
        /// Host and port.
        address: Authority,
    },
}

impl PeerError {
    /// What failed, in a word.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::NotConfigured(_) => "peer_not_configured",
            Self::Unreachable { .. } => "peer_unavailable",
            Self::Foreign { .. } => "peer_foreign",
        }
    }
}

impl From<PeerError> for Failure {
    fn from(error: PeerError) -> Self {
        let (kind, message) = (error.kind(), error.to_string());
        match error {
            PeerError::NotConfigured(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message)
            }
            PeerError::Unreachable { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, message)
                    .retry_after(Duration::from_secs(1))
            }
            PeerError::Foreign { .. } => Self::new(StatusCode::BAD_GATEWAY, kind, message),
        }
    }
}

impl From<PeerError> for Reply {
    fn from(error: PeerError) -> Self {
        Failure::from(error).into()
    }
}
