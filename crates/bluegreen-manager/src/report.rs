//! Writes the status and publishes events: only what changed.

use kube::Resource as _;
use manager_kit::context::Context;
use manager_kit::events::Severity;
use manager_kit::writer::{WriteError, Writer};
use restapi_types::status::RolloutPhase;
use restapi_types::{RestAPI, RestAPIStatus};
use workloads::report::conditions_of;
use workloads::world::World;

use crate::verdict::CONDITIONS;

/// Writes `status` if it differs from what the application's status says.
///
/// # Errors
/// When the status can't be written.
pub async fn status(
    world: &World,
    status: &RestAPIStatus,
    writer: &Writer,
) -> Result<(), WriteError> {
    let restapi = &world.restapi;
    workloads::report::status(restapi, &ours(restapi), status, writer).await
}

/// Gives the status up, where blue/green is off and core-reconciler has taken over what it says then.
///
/// # Errors
/// When the status can't be written.
pub async fn give_up(world: &World, writer: &Writer) -> Result<(), WriteError> {
    let restapi = &world.restapi;
    let told = restapi.status.as_ref();
    let is_said = told.is_some_and(|status| status.blue_green.is_some());
    let observed = told.and_then(|status| status.observed_generation);
    if !is_said || observed != restapi.metadata.generation {
        return Ok(());
    }
    let nothing = RestAPIStatus::default();
    workloads::report::status(restapi, &ours(restapi), &nothing, writer).await
}

/// The part of the status that bluegreen-manager writes.
fn ours(restapi: &RestAPI) -> RestAPIStatus {
    let status = restapi.status.clone().unwrap_or_default();
    RestAPIStatus {
        conditions: conditions_of(Some(&status), &CONDITIONS),
        active_environment: status.active_environment,
        last_deployment_time: status.last_deployment_time,
        blue_green: status.blue_green,
        ..RestAPIStatus::default()
    }
}

/// Publishes what turned: the phase of the rollout, and that a command was refused. Where traces are exported, each
/// says in which one the rollout is.
pub fn turns(ctx: &Context, world: &World, status: &RestAPIStatus) {
    let recorder = &ctx.events;
    let trace = status
        .blue_green
        .as_ref()
        .and_then(|told| told.trace_id.as_deref());
    let trace = trace.filter(|_| ctx.spans.is_on());
    let with_trace = |note: String| match trace {
        Some(id) => format!("{note} (trace {id})"),
        None => note,
    };
    let about = world.restapi.object_ref(&());
    let before = world.restapi.status.as_ref();
    let phase = |status: Option<&RestAPIStatus>| status?.blue_green.as_ref()?.phase;
    let told = status.blue_green.as_ref();
    if let (Some(now), true) = (phase(Some(status)), phase(before) != phase(Some(status))) {
        let message = told
            .and_then(|told| told.message.clone())
            .unwrap_or_default();
        let reason = format!("Rollout{now:?}");
        let severity = if now == RolloutPhase::Held {
            Severity::Warning
        } else {
            Severity::Normal
        };
        recorder.publish(&about, severity, &reason, "Rollout", &with_trace(message));
    }
    let command = |status: Option<&RestAPIStatus>| status?.blue_green.as_ref()?.command.clone();
    let refused = command(Some(status)).filter(|c| !c.done);
    if let Some(refused) =
        refused.filter(|c| command(world.restapi.status.as_ref()).as_ref() != Some(c))
    {
        let why = refused.reason.unwrap_or_default();
        let note = with_trace(format!("command {} was refused: {why}", refused.id));
        recorder.publish(
            &about,
            Severity::Warning,
            "CommandRefused",
            "Rollout",
            &note,
        );
    }
}
