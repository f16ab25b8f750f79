//! Carries out a plan. Decides nothing.

use futures::future::join_all;
use manager_kit::writer::{Write, WriteError, Writer};
use restapi_types::keys;

use crate::plan::Plan;
use crate::verdict::{Outcome, Refusal};

/// The writers of one application: the field manager is the role, not the binary, so that a hand-over
/// between binaries leaves no stale co-owner.
pub struct Writers {
    /// Writes Deployments, Services and `ControllerRevisions`.
    pub workloads: Writer,
    /// Writes `ServiceAccounts`.
    pub companions: Writer,
}

impl Writers {
    /// The writers that `make` makes for each role.
    pub fn new(make: impl Fn(&'static str) -> Writer) -> Self {
        Self {
            workloads: make(keys::FIELD_MANAGER_WORKLOADS),
            companions: make(keys::FIELD_MANAGER_COMPANIONS),
        }
    }

    fn of(&self, write: &Write) -> &Writer {
        let kind = match write {
            Write::Create(draft) | Write::Apply(draft, ..) | Write::Replace(draft, ..) => {
                &draft.resource.kind
            }
            Write::Delete(_, target, _) => &target.kind,
        };
        if kind == "ServiceAccount" {
            &self.companions
        } else {
            &self.workloads
        }
    }
}

/// Carries out the waves of `plan` in order, the writes of a wave at the same time. A refused write does
/// not keep the others of its wave from happening, but no later wave is begun.
///
/// # Errors
/// The first write that did not happen for a reason that may be gone when it is planned again.
pub async fn apply(plan: &Plan, writers: &Writers) -> Result<Outcome, WriteError> {
    let mut outcome = Outcome::default();
    for wave in &plan.waves {
        let results = join_all(wave.iter().map(|write| writers.of(write).carry_out(write))).await;
        for result in results {
            match result {
                Ok(()) => outcome.wrote = true,
                Err(WriteError::Refused {
                    target, message, ..
                }) => {
                    outcome.refusals.push(Refusal { target, message });
                }
                Err(other) => return Err(other),
            }
        }
        if !outcome.refusals.is_empty() {
            break;
        }
    }
    Ok(outcome)
}
