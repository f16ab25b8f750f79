//! What every manager's events have in common.

use jiff::Timestamp;
use kube::ResourceExt as _;
use restapi_types::event::ApplicationRef;
use restapi_types::{Event, RestAPI};

use crate::rollout;

/// Whether an event is still told: what happened longer ago the stream may know no more, and would take for another.
#[must_use]
pub fn is_told(event: &Event, now: Timestamp) -> bool {
    rollout::is_told(event.time, now)
}

/// The application as events refer to it.
#[must_use]
pub fn application(restapi: &RestAPI) -> ApplicationRef {
    ApplicationRef {
        namespace: restapi.namespace().unwrap_or_default(),
        name: restapi.name_any(),
        uid: restapi.uid().unwrap_or_default(),
    }
}
