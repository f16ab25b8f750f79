//! The tasks of a manager, none of which can end unnoticed.

use std::collections::HashMap;

use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use crate::error::KitError;
use crate::runner::panic_message;

/// What a task is for, which decides when it may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Until the process ends.
    Service,
    /// Until the release is requested.
    UntilReleased,
    /// The manager's own part, until the shutdown is requested.
    Manager,
}

/// All tasks of the process, by the id of the runtime.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    set: JoinSet<Result<(), KitError>>,
    running: HashMap<Id, (&'static str, Role)>,
    manager: Option<AbortHandle>,
}

impl Tasks {
    /// Starts a task that runs until the process ends.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), KitError>> + Send + 'static,
    ) {
        self.start(name, Role::Service, task);
    }

    /// Starts a task that runs until the release is requested.
    pub(super) fn spawn_until_released(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.start(name, Role::UntilReleased, async move {
            task.await;
            Ok(())
        });
    }

    /// Starts the manager's own part.
    pub(super) fn spawn_manager(
        &mut self,
        task: impl Future<Output = Result<(), KitError>> + Send + 'static,
    ) {
        self.manager = Some(self.start("manager", Role::Manager, task));
    }

    /// Completes when any task ends, whatever it returns: nothing has been asked to stop yet.
    pub(super) async fn failure(&mut self) -> KitError {
        match self.next().await {
            Some((name, _, Ok(()))) => KitError::TaskEnded(name),
            Some((_, _, Err(error))) => error,
            None => KitError::TaskEnded("all"),
        }
    }

    /// Completes when the manager's own part has ended, with its result. What else ends meanwhile is
    /// logged: the process is stopping anyway.
    pub(super) async fn manager_finished(&mut self) -> Result<(), KitError> {
        while self.runs(Role::Manager) {
            match self.next().await {
                Some((_, Role::Manager, result)) => return result,
                Some((task, _, result)) => {
                    tracing::warn!(task, ?result, "a task ended while stopping");
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Ends the manager's own part at its next await.
    pub(super) fn cut_off_manager(&self) {
        if let Some(manager) = &self.manager {
            manager.abort();
        }
    }

    /// Completes when all tasks have ended that run until the release.
    pub(super) async fn released(&mut self) {
        while self.runs(Role::UntilReleased) {
            if self.next().await.is_none() {
                return;
            }
        }
    }

    fn start(
        &mut self,
        name: &'static str,
        role: Role,
        task: impl Future<Output = Result<(), KitError>> + Send + 'static,
    ) -> AbortHandle {
        let handle = self.set.spawn(task);
        self.running.insert(handle.id(), (name, role));
        handle
    }

    fn runs(&self, role: Role) -> bool {
        self.running.values().any(|(_, other)| *other == role)
    }

    async fn next(&mut self) -> Option<(&'static str, Role, Result<(), KitError>)> {
        let (id, result) = match self.set.join_next_with_id().await? {
            Ok((id, result)) => (id, Ok(result)),
            Err(error) => (error.id(), Err(error)),
        };
        let (name, role) = self
            .running
            .remove(&id)
            .unwrap_or(("unknown", Role::Service));
        let result = result.unwrap_or_else(|error| Err(failed(name, error)));
        Some((name, role, result))
    }
}

fn failed(task: &'static str, error: JoinError) -> KitError {
    match error.try_into_panic() {
        Ok(panic) => KitError::TaskPanicked {
            task,
            message: panic_message(&*panic),
        },
        Err(_) => KitError::TaskEnded(task),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_or_panics_is_noticed() {
        let mut tasks = Tasks::default();
        tasks.spawn("http", pending());
        tasks.spawn_until_released("lease", async {});
        let error = tasks.failure().await;
        assert!(matches!(error, KitError::TaskEnded("lease")), "{error:?}");
        tasks.spawn_until_released("events", async { panic!("queue gone") });
        let error = tasks.failure().await;
        let KitError::TaskPanicked {
            task: "events",
            message,
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(message, "queue gone");
    }

    #[tokio::test]
    async fn the_managers_result_is_passed_on() {
        let mut tasks = Tasks::default();
        tasks.spawn("http", pending());
        tasks.spawn_manager(async { Err(KitError::Manager("no permission".into())) });
        let error = tasks.manager_finished().await.unwrap_err();
        assert_eq!(error.to_string(), "no permission");
        assert!(
            tasks.manager_finished().await.is_ok(),
            "it does not wait for what has ended"
        );
    }

    #[tokio::test]
    async fn stopping_waits_for_what_must_be_released_and_for_nothing_else() {
        let mut tasks = Tasks::default();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("http", pending());
        tasks.spawn_manager(pending());
        tasks.spawn_until_released("lease", async move {
            let _ = released.await;
        });
        tasks.cut_off_manager();
        assert!(
            tasks.manager_finished().await.is_err(),
            "cut off is not finished"
        );
        release.send(()).unwrap();
        tasks.released().await;
    }
}
