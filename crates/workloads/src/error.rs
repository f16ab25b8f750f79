//! What keeps a reconcile of an application from its end.

use manager_kit::runner::ReconcileError;
use manager_kit::writer::WriteError;

use crate::plan::PlanError;

/// A reconcile that did not finish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A live read failed.
    #[error("the world could not be read: {0}")]
    Observe(#[from] kube::Error),
    /// No plan could be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A write did not happen.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ReconcileError for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Observe(_) => "observe",
            Self::Plan(_) => "plan",
            Self::Write(error) => error.category(),
        }
    }
}
