//! What the managers report. Status is a cache: wiped, it is rebuilt from what exists.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::spec::gates::Moment;

/// Where an application stands, in a word. Conditions say it exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing of it serves yet, and nothing has failed.
    Pending,
    /// It serves, and pods are being created or replaced.
    Progressing,
    /// Everything exists, is synced and is available.
    Ready,
    /// It serves, and something needs attention.
    Degraded,
    /// It does not serve, and will not without a change by somebody.
    Failed,
    /// It is being deleted.
    Deleting,
}

/// The status of an application. Each manager writes its own fields and conditions, and no others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestAPIStatus {
    /// Where the application stands, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Pods of all components, ready or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Pods of all components that are ready to serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The environment that the stable Services select.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_environment: Option<Environment>,
    /// When a new revision of a component last became available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_deployment_time: Option<Time>,
    /// Each component that the spec names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub components: Option<Vec<ComponentStatus>>,
    /// What core-reconciler did last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<CoreStatus>,
    /// Where the rollout of a revision stands. bluegreen-manager's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenStatus>,
    /// The conditions of all managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
}

impl RestAPIStatus {
    /// The condition of that type, whoever wrote it and whatever it says.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        let mut conditions = self.conditions.iter().flatten();
        conditions.find(|condition| condition.type_ == type_)
    }
}

/// The part of the status that speaks of core-reconciler itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoreStatus {
    /// The version of the core-reconciler that wrote this status.
    pub version: String,
    /// The revision that the spec asks for: the hash of what reaches a pod template.
    pub revision: String,
    /// The number of that revision in the application's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_number: Option<i64>,
    /// When everything that core-reconciler writes was first as that revision needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<MicroTime>,
}

/// Where the rollout of a revision stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RolloutPhase {
    /// The writing of workloads is being taken over.
    TakingOver,
    /// The revision is being started, beside the one that serves if there is one.
    Starting,
    /// The revision is ready, or serves already, and its gates are tried.
    Verifying,
    /// The revision is ready, and waits until it may serve.
    Awaiting,
    /// The stable Services are being moved.
    Switching,
    /// The revision serves, and the one before is kept for going back.
    Retaining,
    /// What does not serve any more is being removed.
    Releasing,
    /// The revision serves, and there is nothing else.
    Settled,
    /// The revision that the spec asks for was given up, and another one serves.
    Held,
    /// Nothing is done, because the application is paused.
    Paused,
}

/// The rollout of a revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlueGreenStatus {
    /// The version of the bluegreen-manager that wrote this status.
    pub version: String,
    /// The generation of the spec that this speaks of.
    pub observed_generation: i64,
    /// Where it stands, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RolloutPhase>,
    /// What is done or waited for, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The number of the revision that the spec asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The number of the revision that is to serve: another one, where that was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<i64>,
    /// The number of the revision that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<i64>,
    /// The revision that `rollback` goes back to, while it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<i64>,
    /// Until when it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retained_until: Option<Time>,
    /// What each environment runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub environments: Option<Vec<EnvironmentStatus>>,
    /// What came of the gates of the revision that the spec asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["moment".into(), "name".into()]))]
    pub gates: Option<Vec<GateStatus>>,
    /// The command that was carried out or refused last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandStatus>,
    /// The trace of the rollout of the revision that the spec asks for, where the managers export traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// What a gate has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GateState {
    /// It has not been tried.
    Waiting,
    /// It is being tried.
    Running,
    /// It passed as often as it has to.
    Passed,
    /// It failed more often than it may.
    Failed,
    /// It gave no answer for too long.
    Unknown,
}

/// What came of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateStatus {
    /// Its name.
    pub name: String,
    /// When it is tried.
    pub moment: Moment,
    /// What it has come to.
    pub state: GateState,
    /// How often it passed.
    pub passed: i64,
    /// How often it failed.
    pub failed: i64,
    /// What the last try showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was tried first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
}

/// What one environment runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// Which one.
    pub name: Environment,
    /// The number of its revision.
    pub revision: i64,
    /// The number of the attempt at it.
    pub attempt: i64,
    /// Components of which at least one pod is ready, of how many: `3/4`.
    pub ready: String,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// Since when all its components are available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Time>,
    /// When the stable Services began to be moved to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_at: Option<Time>,
    /// When every endpoint of every stable Service was one of its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged_at: Option<Time>,
}

/// What became of a command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandStatus {
    /// Its id.
    pub id: String,
    /// Whether it was carried out.
    pub done: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One component as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// `model`, `view`, `controller`, `repository`, or the name of an additional component.
    pub name: String,
    /// The image that the spec asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Pods, ready or not.
    pub replicas: i32,
    /// Pods that run the template that the spec asks for.
    pub updated_replicas: i32,
    /// Pods that are ready to serve.
    pub ready_replicas: i32,
    /// Whether as many up-to-date pods as asked for are available.
    pub ready: bool,
    /// The address of the stable Service inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What stands between the component and ready, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What its author should know although nothing is wrong: security settings that were opted out of, say,
    /// or that an update interrupts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<Vec<String>>,
}
