//! What people ask for, by the annotation `restapi.dev/command: VERB REVISION ID` on the `RestAPI`.
//!
//! What became of it is written on the record of the revision that the spec asks for, together with what it does and
//! before anything follows from it: so nothing is done twice, not even after a restart or a wiped status. One that
//! does not apply is noted as refused, and is not carried out later, when it might.

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::ResourceExt as _;
use restapi_types::command::{self, Verb};
use restapi_types::{Aborted, keys};

use super::situation::{Attempt, Gated, Held, Revision, Situation};
use super::view::View;
use workloads::world::World;

/// What a command does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The attempt may serve.
    Promote(Attempt),
    /// A revision is not served, for that reason.
    Hold(Held, &'static str),
    /// The revision that the spec asks for is tried again.
    Retry,
    /// The pods of a revision are replaced where they run.
    Restart(Revision),
    /// Nothing more: what pods refer to was read again before this was decided.
    Refresh,
}

/// A command that is to be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its id.
    pub id: String,
    /// What it does, or why it is refused.
    pub effect: Result<Effect, String>,
}

impl Answer {
    /// As it stands in the mark.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.effect {
            Ok(_) => format!("{} ok", self.id),
            Err(why) => format!("{} no {why}", self.id),
        }
    }
}

/// The command on the `RestAPI`, if it was not answered yet.
#[must_use]
pub fn pending(view: &View<'_>, s: &Situation) -> Option<Answer> {
    let command = view.world.restapi.annotations().get(keys::COMMAND)?;
    let id = command::id(command);
    let words: Vec<_> = command.split_whitespace().collect();
    let (verb, revision) = match words[..] {
        [verb, revision, _] => (verb, revision),
        _ => ("", ""),
    };
    let mut records = view.records.iter();
    if records.any(|record| is_answer(record, &id)) {
        return None;
    }
    let effect = parse(verb, revision).and_then(|(verb, revision)| judge(view, s, verb, revision));
    Some(Answer { id, effect })
}

fn is_answer(record: &ControllerRevision, id: &str) -> bool {
    let answered = record.annotations().get(keys::COMMANDED);
    answered.is_some_and(|answered| answered.split(' ').next() == Some(id))
}

fn parse(verb: &str, revision: &str) -> Result<(Verb, Revision), String> {
    let names = Verb::ALL.map(Verb::as_str).join(", ");
    let known = Verb::parse(verb).ok_or_else(|| {
        format!(
            "it is no command: write VERB REVISION ID, with one of {names}, the revision's number, and an id that was not used before"
        )
    })?;
    let revision = revision
        .parse()
        .map_err(|_| format!("{revision} is no revision's number"))?;
    Ok((known, revision))
}

/// What the command does as things stand, or why nothing.
fn judge(view: &View<'_>, s: &Situation, verb: Verb, revision: Revision) -> Result<Effect, String> {
    let serving = s.agreed().and_then(|e| s.side(e).runs.revision());
    let is_asked = revision == s.asked;
    let is_paused = view.world.restapi.spec.paused == Some(true);
    if is_paused && !matches!(verb, Verb::Abort | Verb::Rollback) {
        return Err(
            "the application is paused, and only given up or rolled back: remove spec.paused"
                .to_owned(),
        );
    }
    let is_about_asked = match verb {
        // What was read again may have made another revision.
        Verb::Undo | Verb::Refresh => true,
        Verb::Restart | Verb::Rollback => is_asked || serving == Some(revision),
        Verb::Promote | Verb::Abort | Verb::Retry => is_asked,
    };
    if !is_about_asked {
        return Err(format!(
            "the spec asks for revision {}, not {revision}",
            s.asked
        ));
    }
    match verb {
        Verb::Promote => promote(s, serving),
        Verb::Abort => abort(s, serving),
        Verb::Rollback => rollback(s, serving),
        Verb::Undo => undo(view, s, serving, revision),
        Verb::Retry => retry(view, revision),
        Verb::Restart => restart(s, serving, revision),
        Verb::Refresh => Ok(Effect::Refresh),
    }
}

fn restart(s: &Situation, serving: Option<Revision>, revision: Revision) -> Result<Effect, String> {
    let in_place = (s.services == 0).then_some(s.goal());
    if serving.or(in_place) == Some(revision) {
        Ok(Effect::Restart(revision))
    } else {
        Err(format!(
            "revision {revision} does not serve: only pods that serve are replaced"
        ))
    }
}

/// Whether a command asks for what pods refer to to be read again, and was not answered yet.
#[must_use]
pub fn is_refresh(world: &World) -> bool {
    let command = world.restapi.annotations().get(keys::COMMAND);
    let verb = command.and_then(|command| Verb::parse(command.split_whitespace().next()?));
    let is_answered = |command: &String| {
        let id = command::id(command);
        world.records().iter().any(|record| is_answer(record, &id))
    };
    verb == Some(Verb::Refresh) && !command.is_some_and(is_answered)
}

fn undo(
    view: &View<'_>,
    s: &Situation,
    serving: Option<Revision>,
    revision: Revision,
) -> Result<Effect, String> {
    if view.record_of(revision).is_none() {
        Err(format!("there is no record of revision {revision}"))
    } else if serving == Some(revision) {
        Err(format!("revision {revision} is what serves"))
    } else if revision == s.asked {
        Err(format!(
            "revision {revision} is what the spec asks for: `retry` tries it again"
        ))
    } else {
        let (revision, serving) = (s.asked, revision);
        Ok(Effect::Hold(
            Held { revision, serving },
            "undone by command",
        ))
    }
}

fn retry(view: &View<'_>, revision: Revision) -> Result<Effect, String> {
    let record = view.record_of(revision);
    let is_held =
        record.is_some_and(|record| Aborted::of(record.as_ref(), record.revision).is_some());
    is_held
        .then_some(Effect::Retry)
        .ok_or_else(|| format!("revision {revision} was not given up"))
}

fn promote(s: &Situation, serving: Option<Revision>) -> Result<Effect, String> {
    let revision = s.asked;
    if serving == Some(revision) {
        return Err(format!("revision {revision} serves already"));
    }
    if s.hold(revision).is_some() {
        return Err(format!(
            "revision {revision} was given up: `retry` tries it again"
        ));
    }
    let home = s.home(revision);
    let side = s.side(home);
    match side.runs.attempt() {
        // It may lack a pod that an autoscaler asked for a moment ago: it is switched to once that is there.
        Some(attempt) if attempt.revision == revision && side.serves => match s.gated {
            Gated::Passed => Ok(Effect::Promote(attempt)),
            Gated::Pending | Gated::Failed => {
                Err(format!("the gates of revision {revision} have not passed"))
            }
        },
        _ => Err(format!("revision {revision} is not ready yet")),
    }
}

fn abort(s: &Situation, serving: Option<Revision>) -> Result<Effect, String> {
    let revision = s.asked;
    match serving {
        Some(serving) if serving == revision => Err(format!(
            "revision {revision} serves already: `rollback` goes back from it"
        )),
        Some(_) if s.hold(revision).is_some() => {
            Err(format!("revision {revision} was given up already"))
        }
        Some(serving) => Ok(Effect::Hold(
            Held { revision, serving },
            "aborted by command",
        )),
        // While the Services are being moved, what they are moved from.
        None => rollback(s, None),
    }
}

fn rollback(s: &Situation, serving: Option<Revision>) -> Result<Effect, String> {
    let revision = s.asked;
    if s.hold(revision).is_some() {
        return Err(format!("revision {revision} was given up already"));
    }
    if serving.is_some_and(|serving| serving != revision) {
        return Err(format!(
            "revision {revision} does not serve yet: `abort` gives it up"
        ));
    }
    let away = s.home(revision).other();
    let kept = s.side(away).runs.revision();
    match kept.filter(|kept| *kept != revision && !s.is_sealed(away)) {
        None => {
            Err("nothing is kept to go back to: `undo` starts an earlier revision again".to_owned())
        }
        Some(_) if !s.side(away).serves => Err(format!(
            "what is kept in {away} is not ready: `undo` starts an earlier revision again"
        )),
        Some(serving) => Ok(Effect::Hold(
            Held { revision, serving },
            "rolled back by command",
        )),
    }
}

/// The situation after the command.
#[must_use]
pub fn carried_out(mut s: Situation, effect: &Effect) -> Situation {
    match effect {
        Effect::Promote(_) => s.is_approved = true,
        Effect::Hold(held, _) => s.held.push(*held),
        Effect::Restart(_) | Effect::Refresh => {}
        Effect::Retry => {
            let asked = s.asked;
            s.held.retain(|held| held.revision != asked);
            // Both were about what is served instead.
            (s.is_approved, s.is_late) = (false, false);
        }
    }
    s
}
