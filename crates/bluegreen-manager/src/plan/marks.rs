//! What is written on records: what objects don't show, before it is acted on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use manager_kit::writer::Marks;
use restapi_types::{Aborted, RolloutMark, keys};
use workloads::plan::Step;

use super::command::{Answer, Effect};
use super::gates::Gates;
use super::situate::Situated;
use super::situation::{Attempt, Held, Revision, Runs};
use super::times::Switched;
use super::view::View;

/// The marks that are to be set, by revision.
pub struct Pending<'a, 'b> {
    view: &'b View<'a>,
    marks: BTreeMap<Revision, Marks>,
}

impl<'a, 'b> Pending<'a, 'b> {
    /// None yet.
    #[must_use]
    pub const fn new(view: &'b View<'a>) -> Self {
        Self {
            view,
            marks: BTreeMap::new(),
        }
    }

    fn on(&mut self, revision: Revision) -> &mut Marks {
        self.marks.entry(revision).or_default()
    }

    /// That a revision is not served.
    pub fn hold(&mut self, held: Held, why: &str) {
        let signed = |revision: Revision| i64::try_from(revision).unwrap_or_default();
        let aborted = Aborted {
            serving: signed(held.serving),
            own: signed(held.revision),
            why: why.to_owned(),
        };
        let marks = self.on(held.revision);
        marks.annotate(keys::ABORTED, &aborted.to_string());
        // Who let it serve did not know.
        marks.remove_annotation(keys::PROMOTED);
    }

    /// What becomes of a command.
    pub fn answer(&mut self, answer: &Answer, now: Timestamp) {
        let asked = self.view.asked();
        match &answer.effect {
            Ok(Effect::Promote(attempt)) => {
                let number = attempt.number.to_string();
                self.on(attempt.revision).annotate(keys::PROMOTED, &number);
            }
            Ok(Effect::Hold(held, why)) => self.hold(*held, why),
            Ok(Effect::Retry) => {
                let marks = self.on(asked);
                marks.remove_annotation(keys::ABORTED);
                marks.remove_annotation(keys::GATES);
                marks.annotate(keys::RETRIED, &now.to_string());
            }
            Ok(Effect::Restart(revision)) => {
                let marks = self.on(*revision);
                marks.annotate(keys::RESTARTED, &now.to_string());
            }
            Ok(Effect::Refresh) | Err(_) => {}
        }
        self.on(asked).annotate(keys::COMMANDED, &answer.text());
    }

    /// What gates have shown since.
    pub fn gates(&mut self, gates: &Gates) {
        if gates.is_news {
            let text = gates.marks.text();
            self.on(gates.attempt.revision).annotate(keys::GATES, &text);
        }
    }

    /// That the stable Services begin to be moved to an attempt.
    pub fn switch(&mut self, attempt: Attempt, before: Option<Switched>, now: Timestamp) {
        let is_begun = before.is_some_and(|switched| switched.converged.is_none());
        if !is_begun {
            self.note(attempt, now, None);
        }
    }

    /// That all requests go to what the stable Services select, once that is so. Returns since when, where that was not
    /// known before.
    pub fn converged(&mut self, situated: &Situated, now: Timestamp) -> Option<Timestamp> {
        let s = &situated.situation;
        let environment = s.converged()?;
        let side = s.side(environment);
        let Runs::All(attempt) = side.runs else {
            return None;
        };
        let began = match situated.times(environment).switched {
            None => now,
            Some(switched) if switched.converged.is_none() => switched.began,
            Some(_) => return None,
        };
        side.serves.then(|| {
            self.note(attempt, began, Some(now));
            now
        })
    }

    /// How far a rollout has come.
    pub fn rollout(&mut self, revision: Revision, mark: &RolloutMark) {
        let text = mark.text();
        self.on(revision).annotate(keys::ROLLOUT, &text);
    }

    fn note(&mut self, attempt: Attempt, began: Timestamp, converged: Option<Timestamp>) {
        let switched = Switched {
            attempt: attempt.number,
            began,
            converged,
        };
        self.on(attempt.revision)
            .annotate(keys::SWITCHED, &switched.text());
    }

    /// The writes, of records that are there.
    #[must_use]
    pub fn steps(self) -> Vec<Step> {
        let view = self.view;
        let step = |(revision, marks): (Revision, Marks)| {
            let record = view.record_of(revision)?;
            Some(Step::mark::<ControllerRevision>(record.as_ref(), marks))
        };
        self.marks.into_iter().filter_map(step).collect()
    }
}
