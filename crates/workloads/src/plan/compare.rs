//! One object as it should be against the same object as it is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::core::DynamicObject;
use manager_kit::cache::version;
use manager_kit::diff::first_difference;
use manager_kit::writer::{Draft, Guard, Write};
use restapi_resources::{Application, RenderVersion, canonical};
use restapi_types::{Environment, Seals, keys};
use serde_json::{Value, json};

use super::undone::{self, Undone};
use super::{Drift, Obstacle, Plan, PlanError, ports};
use crate::kinds::carries_traffic;

/// Not compared: these labels are written only together with something that is.
const IGNORED: &[&str] = &[
    "metadata.labels.restapi.dev/generation",
    "metadata.labels.restapi.dev/applied",
];

/// What is not compared in an object that was undone, whose hash is another one anyway.
const IGNORED_UNDONE: &[&str] = &[
    "metadata.labels.restapi.dev/generation",
    "metadata.labels.restapi.dev/applied",
    "metadata.annotations.restapi.dev/applied",
];

/// Whose an object is.
#[derive(Debug, PartialEq, Eq)]
enum Belonging {
    Ours,
    Predecessor,
    Foreign,
}

/// How an object is to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Like every object.
    Ordinary,
    /// It is taken as ours although nothing on it says so yet.
    Taken,
    /// It is left as it is; the plan says why.
    Left,
}

/// Compares the objects of one application.
pub struct Compare<'a> {
    /// Whose they are.
    pub app: &'a Application,
    /// The environment that its stable Services are to select.
    pub environment: Environment,
    /// The number of the attempt that the environment runs, where it is known.
    pub attempt: Option<u64>,
}

impl Compare<'_> {
    /// The write that makes the object as `draft` says, if one is needed and nothing stands in the way.
    pub fn object(
        &self,
        mut draft: Draft,
        live: Option<&DynamicObject>,
        claim: Claim,
        plan: &mut Plan,
    ) -> Result<Option<Write>, PlanError> {
        stamp_template(&mut draft);
        let hash = stamp(&mut draft.body);
        undone::stamp(&mut draft, &hash);
        let Some(live) = live else {
            self.stamp_generation(&mut draft);
            return Ok(Some(Write::Create(draft)));
        };
        if let Some(obstacle) = self.obstacle(&draft, live, &hash, claim) {
            plan.obstacles.push(obstacle);
            return Ok(None);
        }
        let undone = undone::found(&live.metadata, &hash);
        if undone == Some(Undone::AppliedAgain) {
            return Ok(Some(undone::replacement(draft, version(live), &hash)));
        }
        let ignored = undone.map_or(IGNORED, |_| IGNORED_UNDONE);
        let field = match (first_difference(&draft.body, live, ignored)?, undone) {
            (Some(field), _) => field,
            (None, None) => return Ok(None),
            (None, Some(_)) => "spec.template".to_owned(),
        };
        let unchanged_intent = annotation(&live.metadata, keys::APPLIED) == Some(hash.as_str());
        if unchanged_intent || undone.is_some() {
            plan.drift.push(Drift {
                target: draft.target(),
                field,
            });
        }
        let foreign = ports::foreign(&draft.body, &live.data);
        if !foreign.is_empty() {
            // What else differs is applied once this is done.
            return Ok(Some(Write::Replace(draft, version(live), foreign)));
        }
        if undone.is_some() {
            undone::leave_word(&mut draft);
        }
        self.stamp_generation(&mut draft);
        let guard = if carries_traffic(&draft.resource.kind) {
            Guard::Unchanged
        } else {
            Guard::SameObject
        };
        Ok(Some(Write::Apply(draft, version(live), guard)))
    }

    /// What keeps us from writing an object that exists.
    fn obstacle(
        &self,
        draft: &Draft,
        object: &DynamicObject,
        hash: &str,
        claim: Claim,
    ) -> Option<Obstacle> {
        let (target, live) = (draft.target(), &object.metadata);
        if live.deletion_timestamp.is_some() {
            return Some(Obstacle::Terminating(target));
        }
        match belonging(self.app, &draft.resource.kind, live, hash) {
            Belonging::Foreign if claim == Claim::Taken => {}
            Belonging::Foreign => return Some(Obstacle::Foreign(target)),
            Belonging::Predecessor => return Some(Obstacle::Predecessor(target)),
            Belonging::Ours => {}
        }
        if self.is_newer(live) {
            return Some(Obstacle::Newer(target));
        }
        if let Some(unknown) =
            annotation(live, keys::RENDER_VERSION).filter(|v| RenderVersion::parse(v).is_none())
        {
            return Some(Obstacle::UnknownRenderVersion(target, unknown.to_owned()));
        }
        self.is_sealed(draft, object)
            .then(|| Obstacle::Sealed(target, self.environment.to_string()))
    }

    /// Whether a Service would be moved to what must not be selected any more.
    fn is_sealed(&self, draft: &Draft, live: &DynamicObject) -> bool {
        const SELECTOR: &str = "/spec/selector";
        let (Some(attempt), Some(sealed)) =
            (self.attempt, annotation(&live.metadata, keys::SEALED))
        else {
            return false;
        };
        let wanted = draft.body.pointer(SELECTOR);
        let moves = wanted.is_some() && live.data.pointer(SELECTOR) != wanted;
        moves && attempt <= Seals::parse(sealed).of(self.environment)
    }

    fn is_newer(&self, live: &ObjectMeta) -> bool {
        let written_for = live
            .labels
            .as_ref()
            .and_then(|l| l.get(keys::GENERATION)?.parse::<i64>().ok());
        written_for.is_some_and(|generation| generation > self.app.generation)
    }

    /// The fence goes onto what carries traffic.
    fn stamp_generation(&self, draft: &mut Draft) {
        if carries_traffic(&draft.resource.kind) {
            set(
                &mut draft.body,
                "labels",
                keys::GENERATION,
                &self.app.generation.to_string(),
            );
        }
    }
}

/// Writes the hash of its template into the label of a Deployment.
fn stamp_template(draft: &mut Draft) {
    if let (Some(template), "Deployment") = (
        draft.body.pointer("/spec/template"),
        draft.resource.kind.as_str(),
    ) {
        let hash = canonical::hash(template);
        set(&mut draft.body, "labels", keys::TEMPLATE, &hash);
    }
}

/// Writes the hash of what is applied into an annotation: a field that we set last time and no longer want
/// makes no difference between what we want and what is, but it makes one between the two hashes.
fn stamp(body: &mut Value) -> String {
    let hash = canonical::hash(body);
    set(body, "annotations", keys::APPLIED, &hash);
    hash
}

/// Writes a label or an annotation into an object: `map` says which of the two.
pub fn set(body: &mut Value, map: &str, key: &str, value: &str) {
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        let map = metadata.entry(map).or_insert_with(|| json!({}));
        if let Some(map) = map.as_object_mut() {
            map.insert(key.to_owned(), json!(value));
        }
    }
}

/// The annotation of that key.
#[must_use]
pub fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whose the object is: its controller's. One that lost its owner reference is still ours when it says that
/// exactly this intent, with our uid in it, was applied to it; and so is a claim that outlived a `RestAPI` of
/// the same name, whose labels say so.
fn belonging(app: &Application, kind: &str, live: &ObjectMeta, hash: &str) -> Belonging {
    let owners = live.owner_references.as_deref().unwrap_or_default();
    let Some(controller) = owners.iter().find(|o| o.controller == Some(true)) else {
        let applied_by_us = annotation(live, keys::APPLIED) == Some(hash);
        let is_kept_claim = kind == "PersistentVolumeClaim" && has_our_labels(app, live);
        return if applied_by_us || is_kept_claim {
            Belonging::Ours
        } else {
            Belonging::Foreign
        };
    };
    let own = app.owner_reference();
    let is_same = |o: &OwnerReference| {
        o.kind == own.kind && o.api_version == own.api_version && o.name == own.name
    };
    match controller {
        o if o.uid == own.uid => Belonging::Ours,
        o if is_same(o) => Belonging::Predecessor,
        _ => Belonging::Foreign,
    }
}

fn has_our_labels(app: &Application, live: &ObjectMeta) -> bool {
    let label = |key| live.labels.as_ref()?.get(key).map(String::as_str);
    label(keys::INSTANCE) == Some(&app.name)
        && label(keys::MANAGED_BY) == Some(keys::MANAGED_BY_VALUE)
}
