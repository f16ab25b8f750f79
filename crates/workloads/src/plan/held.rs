//! Going back to an earlier revision, and holding it.
//!
//! The annotation `restapi.dev/rollback: NUMBER` asks for it. What it was asked for, the revision of the spec
//! at that time, is marked on that revision's record before anything is written, so that it survives a
//! restart and a wiped status. It ends when the annotation goes, or when the spec asks for yet another
//! revision: an order to go back from one revision says nothing about the next.
//!
//! bluegreen-manager gives revisions up by itself as well, and by command. That stands on the record alone, as
//! `SERVING OWN WHY` in [`keys::ABORTED`]: OWN is the number that the record had then. It holds until the spec asks
//! for another revision, whichever manager writes the workloads by then; coming back to the revision gives its record
//! another number.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use restapi_resources::{Application, Invalid};
use restapi_types::{Aborted, RestAPI, keys, names};

use super::history;

/// What became of an order to go back.
#[derive(Clone, Debug, PartialEq)]
pub enum Rollback {
    /// There is none.
    None,
    /// The application as it was in that revision is served; the spec's own revision is held back.
    Held {
        /// The number of the revision that is served.
        serving: i64,
        /// The application as it was.
        app: Box<Application>,
    },
    /// It can't be carried out, or is over; in words.
    Void(String),
}

/// The numbers of the revisions that an order or a command of `restapi` names, or that a record names in favour of
/// which it was given up.
pub(super) fn named<'a>(
    restapi: &RestAPI,
    records: impl Iterator<Item = &'a DynamicObject>,
) -> BTreeSet<i64> {
    let annotation = |key| restapi.annotations().get(key).map(String::as_str);
    let order = annotation(keys::ROLLBACK);
    let command = annotation(keys::COMMAND).and_then(|command| command.split(' ').nth(1));
    let given_up = records.filter_map(|record| {
        let aborted = record.annotations().get(keys::ABORTED)?;
        Some(Aborted::parse(aborted)?.serving)
    });
    let words = order.into_iter().chain(command);
    words
        .filter_map(|word| word.parse().ok())
        .chain(given_up)
        .collect()
}

/// What the order on `restapi` means for `app`, given its records; else whether the revision was given up.
#[must_use]
pub fn rollback(
    restapi: &RestAPI,
    app: &Application,
    records: &[Arc<ControllerRevision>],
) -> Rollback {
    let Some(order) = restapi.annotations().get(keys::ROLLBACK) else {
        return given_up(app, records);
    };
    let Ok(number) = order.parse::<i64>() else {
        return Rollback::Void(format!(
            "the annotation {}: {order} is no revision's number: write one of those that `kubectl get controllerrevisions -l {}={}` lists",
            keys::ROLLBACK,
            keys::INSTANCE,
            app.name
        ));
    };
    let marked = records
        .iter()
        .find(|r| r.annotations().get(keys::HELD) == Some(order));
    let own = names::content(&app.name, &app.revision);
    if let Some(other) = marked.filter(|r| r.name_any() != own) {
        return Rollback::Void(format!(
            "the order to go back to revision {number} was for revision {}, and the spec asks for another now: remove the annotation {}",
            other.revision,
            keys::ROLLBACK
        ));
    }
    let Some(record) = records.iter().find(|r| r.revision == number) else {
        return Rollback::Void(format!(
            "there is no revision {number} to go back to: `kubectl get controllerrevisions -l {}={}` lists those that are kept",
            keys::INSTANCE,
            app.name
        ));
    };
    if record.name_any() == own {
        return Rollback::Void(format!(
            "revision {number} is what the spec asks for: there is nothing to go back from; remove the annotation {}",
            keys::ROLLBACK
        ));
    }
    match again(app, record) {
        Ok(app) => Rollback::Held {
            serving: number,
            app: Box::new(app),
        },
        Err(invalid) => Rollback::Void(format!("revision {number} can't be made again: {invalid}")),
    }
}

fn given_up(app: &Application, records: &[Arc<ControllerRevision>]) -> Rollback {
    let record = history::of_hash(app, records, &app.revision);
    let aborted = record.and_then(|record| Aborted::of(record.as_ref(), record.revision));
    let Some(aborted) = aborted else {
        return Rollback::None;
    };
    let serving = aborted.serving;
    let record = records.iter().find(|r| r.revision == serving);
    match record.map(|record| again(app, record)) {
        Some(Ok(app)) => Rollback::Held {
            serving,
            app: Box::new(app),
        },
        Some(Err(invalid)) => {
            Rollback::Void(format!("revision {serving} can't be made again: {invalid}"))
        }
        None => Rollback::Void(format!(
            "the revision was given up in favour of {serving}, which is not there any more"
        )),
    }
}

/// Marks the record of the revision that the spec asks for: it is held back in favour of `serving`.
pub fn mark(record: &mut ControllerRevision, serving: i64) {
    let annotations = record.metadata.annotations.get_or_insert_default();
    annotations.insert(keys::HELD.to_owned(), serving.to_string());
}

/// The application as it was in the revision that `record` is of, with what applies in place as the spec has it now.
///
/// # Errors
/// [`Invalid`] when the record does not hold what the revision was made from.
pub fn again(app: &Application, record: &ControllerRevision) -> Result<Application, Invalid> {
    let content = record.data.as_ref().map(|data| &data.0);
    let content = content
        .ok_or_else(|| Invalid::new("data", "the record is empty", "choose another revision"))?;
    let mut app = app.at(content)?;
    app.restarted = history::restarted(record);
    Ok(app)
}
