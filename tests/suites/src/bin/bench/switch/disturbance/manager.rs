//! A bluegreen-manager that is killed in the middle of a switch.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use suites::operator::{self, Operator};
use suites::processes;

/// The last moment after the command in which it is killed: a switch is over by then.
const LATEST: Duration = Duration::from_millis(200);

/// A kill (SIGKILL) of the process of the manager that works, at some moment after the command.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Interruption {
    process: i32,
    moment: Duration,
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the manager was killed after {:.0?}", self.moment)
    }
}

impl Interruption {
    /// Finds the manager that works. The later in the bench (`share` of all switches are over), the later in the switch
    /// it is to be killed: each step is hit.
    pub(super) async fn aim(manager: &Operator, share: f64) -> Result<Self> {
        Ok(Self {
            process: operator::process(&manager.leader().await?)?,
            moment: LATEST.mul_f64(share),
        })
    }

    /// Kills it, so long after the command was sent.
    pub(in super::super) async fn strike(self, sent: Instant) -> Result<()> {
        tokio::time::sleep(self.moment.saturating_sub(sent.elapsed())).await;
        processes::kill_at_once(&[self.process])
    }
}

/// Waits until both managers are ready again, and replaces those whose container was started again: the next time
/// it would have to wait for longer and longer.
pub(super) async fn renew(manager: &Operator) -> Result<()> {
    manager.complete().await?;
    for pod in manager.pods().await? {
        if has_restarted(&pod) {
            manager.replace(&pod).await?;
        }
    }
    manager.complete().await
}

fn has_restarted(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let mut containers = containers.into_iter().flatten();
    containers.any(|container| container.restart_count > 0)
}
