//! What managers that write workloads report alike: their part of a status, and what others changed.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource as _;
use kube::discovery::ApiResource;
use manager_kit::bus::Undelivered;
use manager_kit::cache::version;
use manager_kit::context::Context;
use manager_kit::events::{EventRecorder, Severity};
use manager_kit::writer::{Draft, WriteError, Writer};
use restapi_types::conditions::{self, Finding, Verdict};
use restapi_types::{RestAPI, RestAPIStatus, keys};
use serde_json::json;

use crate::observe::owner;
use crate::plan::Plan;
use crate::world::World;

/// Writes a manager's part of the status, `after`, if it differs from what the object says, `before`.
///
/// # Errors
/// When the status can't be written.
pub async fn status(
    restapi: &RestAPI,
    before: &RestAPIStatus,
    after: &RestAPIStatus,
    writer: &Writer,
) -> Result<(), WriteError> {
    if before == after {
        return Ok(());
    }
    let version = version(restapi);
    writer.apply_status(draft(restapi, after), &version).await
}

/// A manager's part of the status, as it is applied.
fn draft(restapi: &RestAPI, status: &RestAPIStatus) -> Draft {
    let meta = restapi.meta();
    Draft {
        resource: ApiResource::erase::<RestAPI>(&()),
        name: meta.name.clone().unwrap_or_default(),
        body: json!({
            "apiVersion": RestAPI::api_version(&()),
            "kind": RestAPI::kind(&()),
            "metadata": {"name": meta.name, "namespace": meta.namespace},
            "status": status,
        }),
    }
}

/// Adds to `status` that events about the application wait for NATS, as a condition of type `type_`, where they have for
/// long; returns after what time to look again, where they may have by then. Nobody waits for them: it is for people.
pub fn undelivered(
    ctx: &Context,
    world: &World,
    type_: &'static str,
    status: &mut RestAPIStatus,
) -> Option<Duration> {
    match ctx.bus.undelivered(&owner(&world.restapi))? {
        Undelivered::Soon(left) => Some(left),
        Undelivered::Late => {
            let before = world.restapi.status.as_ref();
            let before = before.and_then(|status| status.conditions.as_deref());
            let generation = world.restapi.metadata.generation.unwrap_or_default();
            let late = conditions::merge(
                before.unwrap_or_default(),
                vec![Finding {
                    type_,
                    verdict: Verdict::True,
                    reason: "NatsUnreachable".to_owned(),
                    message: "events about the application wait for NATS, which does not take them; nothing else waits. \
                              The log of the manager says why"
                        .to_owned(),
                }],
                generation,
                ctx.clock.now(),
            );
            status.conditions.get_or_insert_default().extend(late);
            None
        }
    }
}

/// Of the conditions in `status` those of these types, in their order.
#[must_use]
pub fn conditions_of(status: Option<&RestAPIStatus>, types: &[&str]) -> Option<Vec<Condition>> {
    let mut all = status?.conditions.clone()?;
    let position = |c: &Condition| types.iter().position(|type_| *type_ == c.type_);
    all.retain(|c| position(c).is_some());
    all.sort_by_key(position);
    Some(all)
}

/// The condition of that type in `after`, if it is True there and was not in `before`, or was for another reason.
#[must_use]
pub fn turned_true<'a>(
    type_: &str,
    before: &[Condition],
    after: &'a [Condition],
) -> Option<&'a Condition> {
    let now = after
        .iter()
        .find(|c| c.type_ == type_ && c.status == "True")?;
    let was = before.iter().find(|c| c.type_ == type_);
    (!was.is_some_and(|was| was.status == "True" && was.reason == now.reason)).then_some(now)
}

/// Publishes what others changed and was put back.
pub fn repairs(recorder: &EventRecorder, world: &World, plan: &Plan) {
    let about = world.restapi.object_ref(&());
    for drift in &plan.drift {
        let (kind, name, field) = (&drift.target.kind, &drift.target.name, &drift.field);
        let instead = if field.starts_with("spec.template") {
            // `kubectl rollout undo` and `kubectl set image` look like this.
            format!(
                "change the RestAPI instead, or go back to an earlier revision with its annotation {}",
                keys::ROLLBACK
            )
        } else {
            "change the RestAPI instead".to_owned()
        };
        let note = format!(
            "{kind} {name}: {field} was changed by somebody else and is put back; {instead}"
        );
        recorder.publish(&about, Severity::Normal, "DriftRepaired", "Apply", &note);
    }
}

/// Publishes what served before and is scaled to 0 now.
pub fn replacements(recorder: &EventRecorder, world: &World, plan: &Plan) {
    let about = world.restapi.object_ref(&());
    for name in plan.replaces.keys() {
        let note = format!("Deployment {name} was replaced and scaled to 0: delete it");
        recorder.publish(&about, Severity::Normal, "Replaced", "Adopt", &note);
    }
}
