//! Writes the status and publishes events: only what changed, and not more often than people can read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::Resource as _;
use manager_kit::events::{EventRecorder, Severity};
use manager_kit::tracker::Owner;
use manager_kit::writer::{WriteError, Writer};
use restapi_types::{RestAPI, RestAPIStatus, conditions};
use workloads::observe::owner;
use workloads::report::{conditions_of, turned_true};
use workloads::world::World;

/// How long counts of pods may be late in status, so that a rollout of many pods is not a write for each.
/// A change of phase or of a condition is never late.
pub const COUNTS_MAY_LAG: Duration = Duration::from_secs(1);

/// For how long writes alone may keep status from being written: their echoes bring us back, and only then
/// there is something new to say. Without a limit, a write that never settles would silence the status.
pub const WRITES_MAY_SILENCE: Duration = Duration::from_secs(2);

/// Reports about applications.
#[derive(Default)]
pub struct Reporter {
    /// The applications whose status was written within [`COUNTS_MAY_LAG`].
    last_written: Mutex<HashMap<Owner, Instant>>,
    /// The applications that are being written, and since when nothing was said.
    silent_since: Mutex<HashMap<Owner, Instant>>,
}

impl Reporter {
    /// Writes `status` if it differs from what the application's status says; returns after what time to
    /// come back, when the write was put off.
    ///
    /// # Errors
    /// When the status can't be written.
    pub async fn status(
        &self,
        world: &World,
        status: &RestAPIStatus,
        writer: &Writer,
    ) -> Result<Option<Duration>, WriteError> {
        let owner = owner(&world.restapi);
        self.silent_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&owner);
        let current = ours(&world.restapi);
        if current == *status {
            return Ok(None);
        }
        if same_verdict(&current, status)
            && let Some(wait) = self.lag(&owner)
        {
            return Ok(Some(wait));
        }
        workloads::report::status(&world.restapi, &current, status, writer).await?;
        let mut recent = self.lock();
        recent.retain(|_, at| at.elapsed() < COUNTS_MAY_LAG);
        recent.insert(owner, Instant::now());
        Ok(None)
    }

    /// Whether the status of an application to which something was just written may wait for the echo.
    pub fn may_wait(&self, world: &World) -> bool {
        let mut silent = self
            .silent_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        silent
            .entry(owner(&world.restapi))
            .or_insert_with(Instant::now)
            .elapsed()
            < WRITES_MAY_SILENCE
    }

    /// How much longer counts may wait.
    fn lag(&self, owner: &Owner) -> Option<Duration> {
        let last = *self.lock().get(owner)?;
        COUNTS_MAY_LAG
            .checked_sub(last.elapsed())
            .filter(|wait| !wait.is_zero())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Owner, Instant>> {
        self.last_written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes that the application became Ready or Stalled.
pub fn turns(recorder: &EventRecorder, world: &World, status: &RestAPIStatus) {
    let about = world.restapi.object_ref(&());
    let before = world
        .restapi
        .status
        .as_ref()
        .and_then(|s| s.conditions.as_deref());
    let before = before.unwrap_or_default();
    let after = status.conditions.as_deref().unwrap_or_default();
    if let Some(stalled) = turned_true(conditions::STALLED, before, after) {
        recorder.publish(
            &about,
            Severity::Warning,
            &stalled.reason,
            "Reconcile",
            &stalled.message,
        );
    }
    if let Some(ready) = turned_true(conditions::READY, before, after) {
        recorder.publish(
            &about,
            Severity::Normal,
            "Ready",
            "Reconcile",
            &ready.message,
        );
    }
}

/// The part of an application's status that core-reconciler writes, without what other managers write.
fn ours(restapi: &RestAPI) -> RestAPIStatus {
    const CONDITIONS: [&str; 6] = [
        conditions::READY,
        conditions::RECONCILING,
        conditions::STALLED,
        conditions::AVAILABLE,
        conditions::PROGRESSING,
        conditions::EVENTS_UNDELIVERED,
    ];
    let status = restapi.status.clone().unwrap_or_default();
    let is_anothers = says_which_environment_serves(restapi);
    RestAPIStatus {
        conditions: conditions_of(Some(&status), &CONDITIONS),
        blue_green: None,
        active_environment: status.active_environment.filter(|_| !is_anothers),
        last_deployment_time: status.last_deployment_time.filter(|_| !is_anothers),
        ..status
    }
}

/// Whether bluegreen-manager says which environment serves and since when: a field that changes hands is given up
/// only when the other has it.
#[must_use]
pub fn says_which_environment_serves(restapi: &RestAPI) -> bool {
    let told = restapi.status.as_ref().and_then(|s| s.blue_green.as_ref());
    restapi.spec.blue_green().is_some() && told.is_some_and(|told| told.serving.is_some())
}

/// Whether two statuses say the same but for counts and messages of progress.
fn same_verdict(a: &RestAPIStatus, b: &RestAPIStatus) -> bool {
    let verdicts = |s: &RestAPIStatus| -> Vec<_> {
        let conditions = s.conditions.iter().flatten();
        conditions
            .map(|c| (c.type_.clone(), c.status.clone(), c.reason.clone()))
            .collect()
    };
    a.phase == b.phase
        && a.observed_generation == b.observed_generation
        && a.active_environment == b.active_environment
        && verdicts(a) == verdicts(b)
}
