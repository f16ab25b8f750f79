//! Why a write did not happen.

use kube::core::Status;

use crate::tracker::Target;

/// A write that did not happen, or of which it is not known whether it did.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The shard is not held any more: another instance writes.
    #[error("not written: {0}")]
    Fenced(#[from] crate::lease::Fenced),
    /// An object of that name exists already; whose it is is not known yet.
    #[error("{} {} exists already", .0.kind, .0.name)]
    Exists(Target),
    /// The object changed, or was replaced, since it was read.
    #[error("{} {} changed since it was read: {message}", target.kind, target.name)]
    Conflict {
        /// Which object.
        target: Target,
        /// The API server's message.
        message: String,
    },
    /// The API server refused the write: it will refuse it again until something changes.
    #[error("{} {} was refused: {message}", target.kind, target.name)]
    Refused {
        /// Which object.
        target: Target,
        /// The API server's message.
        message: String,
        /// The API server's reason, such as `Invalid` or `Forbidden`.
        reason: String,
    },
    /// The namespace is being deleted, or is gone: nothing can be made in it any more.
    #[error("{} {} was refused: its namespace is being deleted", .0.kind, .0.name)]
    NamespaceGoing(Target),
    /// The API server did not answer, or not in time.
    #[error("{} {} could not be written: {source}", target.kind, target.name)]
    Unavailable {
        /// Which object.
        target: Target,
        /// What went wrong.
        source: Box<kube::Error>,
    },
}

impl WriteError {
    /// A word for metrics.
    #[must_use]
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Fenced(_) => "fenced",
            Self::Exists(_) => "exists",
            Self::Conflict { .. } => "conflict",
            Self::Refused { .. } => "refused",
            Self::NamespaceGoing(_) => "namespace_going",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    pub(super) fn from_kube(target: Target, error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if is_namespace_going(status) => Self::NamespaceGoing(target),
            kube::Error::Api(status) if matches!(status.code, 404 | 409) => Self::Conflict {
                target,
                message: status.message.clone(),
            },
            kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => {
                Self::Refused {
                    target,
                    message: status.message.clone(),
                    reason: status.reason.clone(),
                }
            }
            _ => Self::Unavailable {
                target,
                source: Box::new(error),
            },
        }
    }
}

/// Whether a namespace that is being deleted, or is gone, refused the write.
pub(super) fn is_namespace_going(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut reasons = causes.map(|cause| cause.reason.as_str());
    reasons.any(|reason| reason == "NamespaceTerminating")
        || (status.code == 404 && status.message.starts_with("namespaces "))
}
