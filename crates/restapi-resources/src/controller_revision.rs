//! The record of one revision: what an application's pods were made from, and its number.

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use restapi_types::{keys, names};

use crate::{Application, labels, revision};

/// How many revisions that no pod runs any more are kept.
pub const HISTORY_LIMIT: usize = 10;

/// The `ControllerRevision` `APP-HASH` with that number. Its content never changes; its number is raised
/// when the application comes back to it.
#[must_use]
pub fn controller_revision(app: &Application, number: i64) -> ControllerRevision {
    let mut labels = labels::application(&app.name);
    labels.insert(keys::REVISION.to_owned(), app.revision.clone());
    ControllerRevision {
        metadata: labels::owned(app, names::content(&app.name, &app.revision), labels),
        data: Some(RawExtension(revision::content(&app.components))),
        revision: number,
    }
}
