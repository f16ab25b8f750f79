//! The application's revisions, numbered.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt;
use kube::core::DynamicObject;
use restapi_resources::Application;
use restapi_resources::controller_revision::controller_revision;
use restapi_types::{keys, names};

use crate::world::Objects;

/// The record of the revision with that hash, if it is kept.
#[must_use]
pub fn of_hash<'a>(
    app: &Application,
    records: &'a [Arc<ControllerRevision>],
    hash: &str,
) -> Option<&'a Arc<ControllerRevision>> {
    let name = names::content(&app.name, hash);
    records.iter().find(|record| record.name_any() == name)
}

/// The application with what its record, which is one of `objects`, says besides: when somebody had its pods replaced.
#[must_use]
pub fn recorded(mut app: Application, objects: &Objects) -> Application {
    app.restarted = own(&app, objects).and_then(restarted);
    app
}

/// The record of the revision that `app` is, as it is stored: none of the others is unpacked for it.
#[must_use]
pub fn own<'a>(app: &Application, objects: &'a Objects) -> Option<&'a DynamicObject> {
    let name = names::content(&app.name, &app.revision);
    let record = objects.get("ControllerRevision", &name)?;
    Some(record.as_ref())
}

/// When somebody had the pods of a revision replaced.
pub(super) fn restarted(record: &impl ResourceExt) -> Option<String> {
    record.annotations().get(keys::RESTARTED).cloned()
}

/// The record of the revision that the spec asks for, and its number: one more than every other's. Coming
/// back to an earlier revision raises the number of its record.
#[must_use]
pub fn record(
    app: &Application,
    existing: &[Arc<ControllerRevision>],
) -> (i64, ControllerRevision) {
    let own_name = controller_revision(app, 0).name_any();
    let own = existing
        .iter()
        .find(|r| r.name_any() == own_name)
        .map(|r| r.revision);
    let others = existing
        .iter()
        .filter(|r| r.name_any() != own_name)
        .map(|r| r.revision)
        .max()
        .unwrap_or(0);
    let number = own.filter(|number| *number > others).unwrap_or(others + 1);
    (number, controller_revision(app, number))
}
