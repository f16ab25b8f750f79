//! Carries out a plan. Decides nothing.
//!
//! Pod templates with parts in Kubernetes' own form are tried out first, as a whole: when one is refused,
//! nothing of the new revision is written, and what runs is left as it is.

use futures::future::join_all;
use manager_kit::tracker::Target;
use manager_kit::writer::{Effect, WriteError, Writer};

use crate::kinds::{Role, is_workload};
use crate::plan::{Plan, Step};

/// A write that the API server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which object.
    pub target: Target,
    /// The API server's message.
    pub message: String,
}

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What the API server refused.
    pub refusals: Vec<Refusal>,
    /// Whether something was written: what was seen is then no longer what is.
    pub wrote: bool,
    /// What was written and was that already: its differences are only in how the API server stores it.
    pub without_effect: Vec<Target>,
}

/// Carries out the waves of `plan` in order, the writes of a wave at the same time. A refused write does
/// not keep the others of its wave from happening, but no later wave is begun.
///
/// # Errors
/// The first write that did not happen for a reason that may be gone when it is planned again.
pub async fn apply(plan: &Plan, writer: impl Fn(Role) -> Writer) -> Result<Outcome, WriteError> {
    let mut outcome = Outcome::default();
    if plan.rehearses {
        let all = plan.waves.iter().flatten();
        let workloads = all.filter(|step| is_workload(&step.write.target().kind));
        let rehearsed = join_all(workloads.map(|step| rehearse(step, &writer))).await;
        for result in rehearsed {
            unless_refused(result, &mut outcome)?;
        }
    }
    for wave in &plan.waves {
        if !outcome.refusals.is_empty() {
            break;
        }
        let results = join_all(wave.iter().map(|step| carry_out(step, &writer))).await;
        for (step, result) in wave.iter().zip(results) {
            match unless_refused(result, &mut outcome)? {
                Some(Effect::Changed) => outcome.wrote = true,
                Some(Effect::Nothing) => outcome.without_effect.push(step.write.target()),
                None => {}
            }
        }
    }
    Ok(outcome)
}

async fn rehearse(step: &Step, writer: &impl Fn(Role) -> Writer) -> Result<(), WriteError> {
    writer(step.role).rehearse(&step.write).await
}

async fn carry_out(step: &Step, writer: &impl Fn(Role) -> Writer) -> Result<Effect, WriteError> {
    writer(step.role).carry_out(&step.write).await
}

/// What was answered; notes a refusal.
fn unless_refused<T>(
    result: Result<T, WriteError>,
    outcome: &mut Outcome,
) -> Result<Option<T>, WriteError> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(WriteError::Refused {
            target, message, ..
        }) => {
            outcome.refusals.push(Refusal { target, message });
            Ok(None)
        }
        Err(other) => Err(other),
    }
}
