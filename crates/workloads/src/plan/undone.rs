//! Deployments that `kubectl rollout undo` took back.
//!
//! It puts an earlier template back, and with it the annotations that the Deployment had then, among them the
//! hash of what was applied then: as if something else were wanted now. So the hash stands in a label as well,
//! which it leaves alone.
//!
//! An apply does not take away what the earlier template had beyond ours, since that belongs to kubectl. So the
//! template is replaced as a whole as well. That comes second: what a replacement changes belongs to the
//! replacement, and no later apply could take it away.

use kube::core::ObjectMeta;
use manager_kit::tracker::Version;
use manager_kit::writer::{Draft, Write};
use restapi_types::keys;
use serde_json::{Value, json};

use super::compare::{annotation, set};

/// In the place of the hash: ours is applied again, and the template is still to be replaced.
const APPLIED_AGAIN: &str = "undone";

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// As the undo left it.
    All,
    /// What we want is applied again.
    AppliedAgain,
}

/// Whether the object was undone, to which the intent with that hash was applied last.
pub(super) fn found(live: &ObjectMeta, hash: &str) -> Option<Undone> {
    let label = live.labels.as_ref()?.get(keys::APPLIED)?;
    match annotation(live, keys::APPLIED)? {
        annotation if label != hash || annotation == hash => None,
        APPLIED_AGAIN => Some(Undone::AppliedAgain),
        _ => Some(Undone::All),
    }
}

/// Writes the hash into the label of a Deployment, the one kind that can be undone with its annotations.
pub(super) fn stamp(draft: &mut Draft, hash: &str) {
    if draft.resource.kind == "Deployment" {
        set(&mut draft.body, "labels", keys::APPLIED, hash);
    }
}

/// Has the apply of `draft` leave word that the template is still to be replaced.
pub(super) fn leave_word(draft: &mut Draft) {
    set(&mut draft.body, "annotations", keys::APPLIED, APPLIED_AGAIN);
}

/// The last write, after which nothing of the undo is left.
pub(super) fn replacement(draft: Draft, live: Version, hash: &str) -> Write {
    let template = draft.body.pointer("/spec/template");
    let template = template.cloned().unwrap_or(Value::Null);
    let annotation = format!("/metadata/annotations/{}", keys::APPLIED.replace('/', "~1"));
    let values = vec![
        ("/spec/template".to_owned(), template),
        (annotation, json!(hash)),
    ];
    Write::Replace(draft, live, values)
}
