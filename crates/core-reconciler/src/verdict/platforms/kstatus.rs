//! The rules by which kstatus reads the status of a custom resource.

use restapi_types::RestAPI;
use restapi_types::conditions::{READY, RECONCILING, STALLED};

/// What kstatus calls an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It is being deleted.
    Terminating,
    /// Work is under way.
    InProgress,
    /// It failed.
    Failed,
    /// It is as it should be.
    Current,
}

/// What kstatus calls `restapi`. An object without conditions is `Current` to it, and so is one whose status
/// names no generation at all.
pub(super) fn of(restapi: &RestAPI) -> Status {
    if restapi.metadata.deletion_timestamp.is_some() {
        return Status::Terminating;
    }
    let status = restapi.status.as_ref();
    let observed = status.and_then(|s| s.observed_generation);
    if observed.is_some_and(|observed| Some(observed) != restapi.metadata.generation) {
        return Status::InProgress;
    }
    let condition = |type_: &str| {
        let mut all = status
            .into_iter()
            .flat_map(|s| s.conditions.iter().flatten());
        all.find(|c| c.type_ == type_).map(|c| c.status.as_str())
    };
    match (condition(RECONCILING), condition(STALLED), condition(READY)) {
        (Some("True"), _, _) => Status::InProgress,
        (_, Some("True"), _) => Status::Failed,
        (_, _, Some("True") | None) => Status::Current,
        (_, _, Some(_)) => Status::InProgress,
    }
}
